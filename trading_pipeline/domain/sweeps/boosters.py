"""The three boosters, each stored in its library's own file format.

They are fitted on the processor or, where told, on the GPU; they always predict on the processor.
Bits are promised for the processor only.
"""

import re
from typing import Any, ClassVar

import numpy as np

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.sweeps.learner import (
    ROW_CURVATURE,
    EvalSet,
    Floats,
    Labels,
    Matrix,
    Params,
    Weights,
    unit_mean,
    weighted_share,
)


class LightGbm:
    """LightGBM, leaf-wise trees; stored as its text."""

    name: ClassVar[str] = "lightgbm"
    suffix: ClassVar[str] = ".txt"
    has_contributions: ClassVar[bool] = True

    def __init__(
        self,
        params: Params,
        *,
        seed: int,
        threads: int,
        device: Device = "cpu",
        booster: Any = None,
    ) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
        self.device = device
        self.booster = booster
        self.eval_auc: Floats = np.empty(0)

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Weights,
        *,
        rounds: int,
        eval_set: EvalSet | None = None,
    ) -> "LightGbm":
        """See ``Learner.fit``."""
        import lightgbm

        p, n = self.params, len(y)
        options = {
            "objective": "binary",
            "metric": "auc",
            "learning_rate": p["learning_rate"],
            "num_leaves": p["num_leaves"],
            "min_data_in_leaf": max(1, round(p["leaf_frac"] * n)),
            "lambda_l2": p["l2_frac"] * n * ROW_CURVATURE,
            "feature_fraction": p["column_frac"],
            "bagging_fraction": p["row_frac"],
            "bagging_freq": 1,
            "max_bin": 63,
            "seed": self.seed,
            "num_threads": self.threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbose": -1,
        }
        if self.device == "gpu":
            # Rows are split by the device: what the processor is told of them does not apply.
            del options["force_row_wise"]
            options |= {"device_type": "gpu", "gpu_use_dp": True}
        train = lightgbm.Dataset(X, y, weight=unit_mean(sample_weight), params=options)
        history: dict[str, dict[str, list[float]]] = {}
        if eval_set is None:
            self.booster = lightgbm.train(options, train, rounds)
            return self
        test = lightgbm.Dataset(*eval_set, reference=train, params=options)
        record = lightgbm.record_evaluation(history)
        self.booster = lightgbm.train(
            options, train, rounds, valid_sets=[test], valid_names=["test"], callbacks=[record]
        )
        self.eval_auc = np.asarray(history["test"]["auc"], dtype=np.float64)
        return self

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """See ``Learner.predict``."""
        chance = self.booster.predict(X, num_iteration=rounds, num_threads=self.threads)
        return np.asarray(chance, dtype=np.float64)

    def contributions(self, X: Matrix) -> Floats:
        """See ``Learner.contributions``."""
        values = self.booster.predict(X, pred_contrib=True, num_threads=self.threads)
        return np.asarray(values, dtype=np.float64)

    def to_bytes(self) -> tuple[str, bytes]:
        """See ``Learner.to_bytes``; the thread count is a fact of the machine, not the model."""
        text = self.booster.model_to_string()
        return self.suffix, re.sub(r"\[num_threads: \d+\]\n", "", text).encode()

    @classmethod
    def from_bytes(cls, content: bytes, *, threads: int) -> "LightGbm":
        """Read what ``to_bytes`` wrote."""
        import lightgbm

        booster = lightgbm.Booster(model_str=content.decode())
        return cls({}, seed=0, threads=threads, booster=booster)


class XgBoost:
    """XGBoost, depth-wise histogram trees; stored as its JSON."""

    name: ClassVar[str] = "xgboost"
    suffix: ClassVar[str] = ".json"
    has_contributions: ClassVar[bool] = True

    def __init__(
        self,
        params: Params,
        *,
        seed: int,
        threads: int,
        device: Device = "cpu",
        booster: Any = None,
    ) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
        self.device = device
        self.booster = booster
        self.eval_auc: Floats = np.empty(0)

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Weights,
        *,
        rounds: int,
        eval_set: EvalSet | None = None,
    ) -> "XgBoost":
        """See ``Learner.fit``."""
        import xgboost

        p, n = self.params, len(y)
        options = {
            "objective": "binary:logistic",
            "eval_metric": "auc",
            "tree_method": "hist",
            "max_bin": 64,
            "eta": p["learning_rate"],
            "max_depth": p["max_depth"],
            "min_child_weight": p["leaf_frac"] * n * ROW_CURVATURE,
            "lambda": p["l2_frac"] * n * ROW_CURVATURE,
            "colsample_bytree": p["column_frac"],
            "subsample": p["row_frac"],
            # Given, because the library's own estimate is a sum whose order threads decide.
            "base_score": weighted_share(y, sample_weight),
            "seed": self.seed,
            "nthread": self.threads,
            "verbosity": 0,
        }
        if self.device == "gpu":
            options["device"] = "cuda"
        train = xgboost.QuantileDMatrix(
            X, y, weight=unit_mean(sample_weight), max_bin=64, nthread=self.threads
        )
        history: dict[str, dict[str, list[float]]] = {}
        evals = []
        if eval_set is not None:
            test = xgboost.DMatrix(*eval_set, nthread=self.threads)
            evals = [(test, "test")]
        self.booster = xgboost.train(
            options, train, rounds, evals=evals, evals_result=history, verbose_eval=False
        )
        if self.device == "gpu":
            # What was fitted there is asked here, as its file will be.
            self.booster.set_param({"device": "cpu"})
        if eval_set is not None:
            self.eval_auc = np.asarray(history["test"]["auc"], dtype=np.float64)
        return self

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """See ``Learner.predict``."""
        chance = self.booster.inplace_predict(X, iteration_range=(0, rounds or 0))
        return np.asarray(chance, dtype=np.float64)

    def contributions(self, X: Matrix) -> Floats:
        """See ``Learner.contributions``."""
        import xgboost

        rows = xgboost.DMatrix(X, nthread=self.threads)
        return np.asarray(self.booster.predict(rows, pred_contribs=True), dtype=np.float64)

    def to_bytes(self) -> tuple[str, bytes]:
        """See ``Learner.to_bytes``."""
        return self.suffix, bytes(self.booster.save_raw("json"))

    @classmethod
    def from_bytes(cls, content: bytes, *, threads: int) -> "XgBoost":
        """Read what ``to_bytes`` wrote."""
        import xgboost

        booster = xgboost.Booster({"nthread": threads})
        booster.load_model(bytearray(content))
        return cls({}, seed=0, threads=threads, booster=booster)


class CatBoost:
    """CatBoost, symmetric trees; stored as its cbm."""

    name: ClassVar[str] = "catboost"
    suffix: ClassVar[str] = ".cbm"
    has_contributions: ClassVar[bool] = True

    def __init__(
        self,
        params: Params,
        *,
        seed: int,
        threads: int,
        device: Device = "cpu",
        booster: Any = None,
    ) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
        self.device = device
        self.booster = booster
        self.eval_auc: Floats = np.empty(0)

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Weights,
        *,
        rounds: int,
        eval_set: EvalSet | None = None,
    ) -> "CatBoost":
        """See ``Learner.fit``."""
        from catboost import CatBoostClassifier, Pool

        p, n = self.params, len(y)
        self.booster = CatBoostClassifier(
            iterations=rounds,
            learning_rate=p["learning_rate"],
            depth=p["max_depth"],
            l2_leaf_reg=max(1.0, p["l2_frac"] * n * ROW_CURVATURE),
            # The library draws columns on the processor only.
            **({"task_type": "GPU"} if self.device == "gpu" else {"rsm": p["column_frac"]}),
            subsample=p["row_frac"],
            bootstrap_type="Bernoulli",
            boosting_type="Plain",
            border_count=64,
            leaf_estimation_iterations=1,
            random_strength=p["random_strength"],
            eval_metric="AUC",
            use_best_model=False,
            random_seed=self.seed,
            thread_count=self.threads,
            allow_writing_files=False,
            verbose=False,
        )
        train = Pool(X, y, weight=unit_mean(sample_weight), thread_count=self.threads)
        if eval_set is None:
            self.booster.fit(train)
            return self
        self.booster.fit(train, eval_set=Pool(*eval_set, thread_count=self.threads))
        history = self.booster.get_evals_result()["validation"]["AUC"]
        self.eval_auc = np.asarray(history, dtype=np.float64)
        return self

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """See ``Learner.predict``."""
        chance = self.booster.predict_proba(X, ntree_end=rounds or 0, thread_count=self.threads)
        return np.ascontiguousarray(chance[:, 1], dtype=np.float64)

    def contributions(self, X: Matrix) -> Floats:
        """See ``Learner.contributions``."""
        from catboost import Pool

        values = self.booster.get_feature_importance(
            Pool(X), type="ShapValues", thread_count=self.threads
        )
        return np.asarray(values, dtype=np.float64)

    def to_bytes(self) -> tuple[str, bytes]:
        """See ``Learner.to_bytes``.

        A cbm carries a random id, the time and the machine's threads beside the trees; all of
        it but the classes is removed, so that the hash speaks of the model alone.
        """
        metadata = self.booster.get_metadata()
        for key in list(metadata.keys()):
            if key != "class_params":
                del metadata[key]
        return self.suffix, bytes(self.booster._serialize_model())

    @classmethod
    def from_bytes(cls, content: bytes, *, threads: int) -> "CatBoost":
        """Read what ``to_bytes`` wrote."""
        from catboost import CatBoostClassifier

        booster = CatBoostClassifier()
        booster.load_model(blob=content)
        return cls({}, seed=0, threads=threads, booster=booster)


def visible_gpus() -> int:
    """How many GPUs the boosters can see."""
    from catboost.utils import get_gpu_device_count

    return int(get_gpu_device_count())
