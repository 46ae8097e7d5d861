"""Base learners behind one interface, each stored in its library's own file format.

All three are fitted on float32 columns where NaN means missing, with fixed seeds. The thread
count never changes a bit of a fit; the tests hold them to that.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int8]
Weights: TypeAlias = NDArray[np.float32]
Floats: TypeAlias = NDArray[np.float64]
Params: TypeAlias = Mapping[str, float | int]
EvalSet: TypeAlias = tuple[Matrix, Labels]

# A logistic loss has a curvature of at most a quarter a row: the unit of leaf penalties.
ROW_CURVATURE = 0.25


class Learner(Protocol):
    """A base learner: fit once, predict probabilities, write and read itself."""

    name: ClassVar[str]
    suffix: ClassVar[str]
    eval_auc: Floats

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Weights,
        *,
        rounds: int,
        eval_set: EvalSet | None = None,
    ) -> "Learner":
        """Fit ``rounds`` trees on X (n, p), y (n,) of 0 and 1, weights (n,) above zero.

        With ``eval_set`` the AUC on it after each round is kept in ``eval_auc`` (rounds,); it
        never stops or changes the fit.
        """
        ...

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """Probability of label 1, shape (n,), of the first ``rounds`` trees, else of all."""
        ...

    def contributions(self, X: Matrix) -> Floats:
        """SHAP values in log odds, shape (n, p + 1); the last column is the expectation."""
        ...

    def to_bytes(self) -> tuple[str, bytes]:
        """File suffix and content; equal fits give equal bytes."""
        ...


class LightGbm:
    """LightGBM, leaf-wise trees; stored as its text."""

    name: ClassVar[str] = "lightgbm"
    suffix: ClassVar[str] = ".txt"

    def __init__(self, params: Params, *, seed: int, threads: int, booster: Any = None) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
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

    def __init__(self, params: Params, *, seed: int, threads: int, booster: Any = None) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
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

    def __init__(self, params: Params, *, seed: int, threads: int, booster: Any = None) -> None:
        self.params, self.seed, self.threads = dict(params), seed, threads
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
            rsm=p["column_frac"],
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


_LEARNERS: dict[str, type[LightGbm] | type[XgBoost] | type[CatBoost]] = {
    kind.name: kind for kind in (LightGbm, XgBoost, CatBoost)
}
LEARNERS = tuple(_LEARNERS)


def new_learner(name: str, params: Params, *, seed: int, threads: int) -> Learner:
    """An unfitted learner. Raises ValueError for a name that is not one of ``LEARNERS``."""
    return _kind(name)(params, seed=seed, threads=threads)


def learner_from_bytes(name: str, content: bytes, *, threads: int) -> Learner:
    """A fitted learner from its file. Raises ValueError for an unknown name."""
    return _kind(name).from_bytes(content, threads=threads)


def unit_mean(sample_weight: Weights) -> Weights:
    """Weights with a mean of 1, so that penalties keep their meaning under any weighting."""
    weight = np.asarray(sample_weight, dtype=np.float64)
    return np.asarray(weight / weight.mean(), dtype=np.float32)


def weighted_share(y: Labels, sample_weight: Weights) -> float:
    """Weighted share of label 1, kept off 0 and 1 so that its log odds are finite."""
    weight = np.asarray(sample_weight, dtype=np.float64)
    share = float((weight * y).sum() / weight.sum())
    return min(max(share, 1e-6), 1.0 - 1e-6)


def canonical_json(value: object) -> str:
    """JSON with one spelling for one value: sorted keys, no spaces, shortest exact floats."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _kind(name: str) -> type[LightGbm] | type[XgBoost] | type[CatBoost]:
    if name not in _LEARNERS:
        raise ValueError(f"unknown learner {name!r}; choose from {', '.join(LEARNERS)}")
    return _LEARNERS[name]
