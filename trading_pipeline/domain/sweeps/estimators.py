"""Base learners of scikit-learn behind the same interface, stored as skops.

All of them take ``sample_weight``. Trees take missing values as they are; the linear learners and
the network see columns standardised by the training rows, where missing is the training mean.
"""

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.ensemble.metrics import auc, sigmoid
from trading_pipeline.domain.ensemble.sklearn_files import part_from_skops, skops_bytes
from trading_pipeline.domain.ensemble.stack import rising_line
from trading_pipeline.domain.sweeps.learner import (
    ROW_CURVATURE,
    EvalSet,
    Floats,
    Labels,
    Matrix,
    Params,
    Weights,
    unit_mean,
)

# Fixed settings of what is not searched.
N_TREES = 100
TREE_ROWS_FRAC = 0.1
LEAF_FRAC = 0.005
MIN_LEAF_ROWS = 5
SVM_L2_FRAC = 0.1
# An epoch of a network sees every row; more of them only learn noise by heart.
MAX_EPOCHS = 20
BATCH_ROWS = 256
# Standard deviations: a few wild values must not set a line.
FARTHEST = 4.0
LEAST_PROBABILITY = 1e-6
# The linear algebra's thread count belongs to the process: fits that depend on it take turns.
ONE_FIT = Lock()


# Weights and intercepts of each layer.
Network: TypeAlias = tuple[list[Floats], list[Floats]]


@dataclass(frozen=True, slots=True)
class FitTask:
    """What one fit is given; weights have a mean of 1."""

    X: Matrix
    y: Labels
    weight: Floats
    rounds: int
    eval_set: EvalSet | None


class Estimator(ABC):
    """What the learners of scikit-learn share; ``state`` is what their file holds."""

    name: ClassVar[str]
    suffix: ClassVar[str] = ".skops"
    has_contributions: ClassVar[bool] = False

    def __init__(self, params: Params, *, seed: int, threads: int, device: Device = "cpu") -> None:
        self.params, self.seed, self.threads, self.device = dict(params), seed, threads, device
        self.state: dict[str, Any] = {}
        self.eval_auc: Floats = np.empty(0)

    def fit(
        self,
        X: Matrix,
        y: Labels,
        sample_weight: Weights,
        *,
        rounds: int,
        eval_set: EvalSet | None = None,
    ) -> Self:
        """See ``Learner.fit``."""
        weight = unit_mean(sample_weight).astype(np.float64)
        columns = np.ascontiguousarray(X, dtype=np.float32)
        self._fit(FitTask(columns, y, weight, rounds, eval_set))
        if eval_set is not None and self.eval_auc.size == 0:
            self.eval_auc = np.array([auc(self.predict(eval_set[0]), eval_set[1])])
        return self

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """See ``Learner.predict``."""
        found = self._predict(X) if rounds is None else self._predict_after(X, rounds)
        probability = np.asarray(found, dtype=np.float64)
        return np.clip(probability, LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY)

    def contributions(self, X: Matrix) -> Floats:
        """See ``Learner.contributions``."""
        raise ValueError(f"{self.name} gives no contributions for its {X.shape[1]} features")

    def to_bytes(self) -> tuple[str, bytes]:
        """See ``Learner.to_bytes``."""
        return self.suffix, skops_bytes(self.state)

    @classmethod
    def from_bytes(cls, content: bytes, *, threads: int) -> Self:
        """Read what ``to_bytes`` wrote."""
        learner = cls({}, seed=0, threads=threads)
        learner.state = part_from_skops(content)
        return learner

    @abstractmethod
    def _fit(self, task: FitTask) -> None: ...

    @abstractmethod
    def _predict(self, X: Matrix) -> Floats: ...

    def _predict_after(self, X: Matrix, rounds: int) -> Floats:
        """Probabilities after some rounds; what is fitted at once has one."""
        if rounds != 1:
            raise ValueError(f"{self.name} is fitted in one round, and was asked for {rounds}")
        return self._predict(X)


class Forest(Estimator):
    """Trees grown side by side, each on a tenth of the rows; fixed settings.

    Sources: Breiman (2001); Geurts, Ernst and Wehenkel (2006).
    """

    def _fit(self, task: FitTask) -> None:
        leaf = max(MIN_LEAF_ROWS, round(LEAF_FRAC * TREE_ROWS_FRAC * len(task.y)))
        forest = self._forest(
            n_estimators=N_TREES,
            # As a count: the library warns of a share of few rows.
            max_samples=max(1, round(TREE_ROWS_FRAC * len(task.y))),
            bootstrap=True,
            min_samples_leaf=leaf,
            n_jobs=self.threads,
            random_state=self.seed,
        )
        forest.fit(task.X, task.y, sample_weight=task.weight)
        # Trees that vote in any order add up to other bits.
        forest.n_jobs = 1
        self.state = {"model": forest}

    def _predict(self, X: Matrix) -> Floats:
        return np.asarray(self.state["model"].predict_proba(X)[:, 1])

    @abstractmethod
    def _forest(self, **options: Any) -> Any: ...


class RandomForest(Forest):
    """Random forest of scikit-learn."""

    name: ClassVar[str] = "random_forest"

    def _forest(self, **options: Any) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**options)


class ExtraTrees(Forest):
    """Extremely randomised trees of scikit-learn."""

    name: ClassVar[str] = "extra_trees"

    def _forest(self, **options: Any) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier

        return ExtraTreesClassifier(**options)


class GradientBoosting(Estimator):
    """Histogram gradient boosting of scikit-learn, leaf-wise trees."""

    name: ClassVar[str] = "gradient_boosting"

    def _fit(self, task: FitTask) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits

        p, n = self.params, len(task.y)
        booster = HistGradientBoostingClassifier(
            learning_rate=p["learning_rate"],
            max_iter=task.rounds,
            max_leaf_nodes=int(p["num_leaves"]),
            min_samples_leaf=max(1, round(p["leaf_frac"] * n)),
            l2_regularization=p["l2_frac"] * n * ROW_CURVATURE,
            max_features=p["column_frac"],
            max_bins=63,
            early_stopping=False,
            random_state=self.seed,
        )
        with threadpool_limits(limits=self.threads, user_api="openmp"):
            booster.fit(task.X, task.y, sample_weight=task.weight)
        # The machine's threads are no part of the model.
        booster._bin_mapper.n_threads = 1
        self.state = {"model": booster}
        if task.eval_set is not None:
            stages = booster.staged_predict_proba(task.eval_set[0])
            self.eval_auc = np.array([auc(stage[:, 1], task.eval_set[1]) for stage in stages])

    def _predict(self, X: Matrix) -> Floats:
        return np.asarray(self.state["model"].predict_proba(X)[:, 1])

    def _predict_after(self, X: Matrix, rounds: int) -> Floats:
        stages = self.state["model"].staged_predict_proba(X)
        return np.asarray(next(islice(stages, rounds - 1, None))[:, 1])


class Standardised(Estimator):
    """Learners that need every value: columns are standardised by the training rows alone."""

    def _prepare(self, X: Matrix) -> Floats:
        """Learn mean and spread of the training rows; return them standardised."""
        values = X.astype(np.float64)
        present = np.isfinite(values)
        n = np.maximum(present.sum(axis=0), 1)
        centre = np.where(present, values, 0.0).sum(axis=0) / n
        spread = np.sqrt(np.where(present, (values - centre) ** 2, 0.0).sum(axis=0) / n)
        self.state = {"centre": centre, "scale": np.where(spread > 0, spread, 1.0)}
        return self._standard(X)

    def _standard(self, X: Matrix) -> Floats:
        """Standardised columns within ``FARTHEST`` of zero; missing is zero."""
        standard = (X.astype(np.float64) - self.state["centre"]) / self.state["scale"]
        bounded = np.clip(standard, -FARTHEST, FARTHEST)
        return np.asarray(np.where(np.isfinite(standard), bounded, 0.0), dtype=np.float64)


class Linear(Standardised):
    """A line through the log odds. Its SHAP values are its terms: the training mean is zero."""

    has_contributions: ClassVar[bool] = True

    def _predict(self, X: Matrix) -> Floats:
        return sigmoid(product(self._standard(X), self._line()[1]) + self._line()[0])

    def contributions(self, X: Matrix) -> Floats:
        """See ``Learner.contributions``."""
        intercept, slopes = self._line()
        terms = self._standard(X) * slopes
        return np.hstack([terms, np.full((len(terms), 1), intercept)])

    @abstractmethod
    def _line(self) -> tuple[float, Floats]:
        """Intercept and slopes (p,) of the log odds."""


class Logistic(Linear):
    """Logistic regression with a ridge."""

    name: ClassVar[str] = "logistic"

    def _fit(self, task: FitTask) -> None:
        from sklearn.linear_model import LogisticRegression

        inputs = self._prepare(task.X)
        penalty = self.params["l2_frac"] * len(task.y) * ROW_CURVATURE
        model = LogisticRegression(C=1.0 / penalty, max_iter=1000, tol=1e-6)
        with ONE_FIT, _one_blas_thread():
            model.fit(inputs, task.y, sample_weight=task.weight)
        self.state["model"] = model

    def _line(self) -> tuple[float, Floats]:
        model = self.state["model"]
        return float(model.intercept_[0]), np.asarray(model.coef_[0], dtype=np.float64)


class Svm(Linear):
    """Linear support vectors with fixed settings; a logistic line makes margins probabilities.

    The line is fitted on the training rows, so it is a little too sure of itself; the second
    level scales it. Source: Platt (1999).
    """

    name: ClassVar[str] = "svm"

    def _fit(self, task: FitTask) -> None:
        from sklearn.svm import LinearSVC

        inputs = self._prepare(task.X)
        model = LinearSVC(C=1.0 / (SVM_L2_FRAC * len(task.y)), dual=False, random_state=self.seed)
        with ONE_FIT, _one_blas_thread():
            model.fit(inputs, task.y, sample_weight=task.weight)
        margin = product(inputs, model.coef_[0]) + model.intercept_[0]
        intercept, slope = rising_line(margin, task.y.astype(np.float64), task.weight)
        self.state |= {"model": model, "intercept": intercept, "slope": slope}

    def _line(self) -> tuple[float, Floats]:
        model, slope = self.state["model"], self.state["slope"]
        intercept = self.state["intercept"] + slope * float(model.intercept_[0])
        return float(intercept), np.asarray(slope * model.coef_[0], dtype=np.float64)


class Mlp(Standardised):
    """A neural network of one hidden layer; a round is an epoch, ``MAX_EPOCHS`` at most."""

    name: ClassVar[str] = "mlp"

    def _fit(self, task: FitTask) -> None:
        from sklearn.neural_network import MLPClassifier

        inputs = self._prepare(task.X).astype(np.float32)
        p, batch = self.params, min(BATCH_ROWS, len(task.y))
        network = MLPClassifier(
            hidden_layer_sizes=(int(p["hidden_units"]),),
            learning_rate_init=p["learning_rate"],
            # The library divides its penalty by the rows of a batch.
            alpha=p["l2_frac"] * batch,
            batch_size=batch,
            # A generator, not a number: else each epoch would shuffle alike.
            random_state=np.random.RandomState(self.seed),
        )
        self.state["model"] = network
        curve = []
        self._epochs: list[Network] = []
        with ONE_FIT, _one_blas_thread():
            for _ in range(min(task.rounds, MAX_EPOCHS)):
                network.partial_fit(inputs, task.y, classes=(0, 1), sample_weight=task.weight)
                if task.eval_set is not None:
                    curve.append(auc(self.predict(task.eval_set[0]), task.eval_set[1]))
                    self._epochs.append(deepcopy((network.coefs_, network.intercepts_)))
        self.eval_auc = np.array(curve)

    def _predict(self, X: Matrix) -> Floats:
        network = self.state["model"]
        return self._through(X, (network.coefs_, network.intercepts_))

    def _predict_after(self, X: Matrix, rounds: int) -> Floats:
        return self._through(X, self._epochs[rounds - 1])

    def _through(self, X: Matrix, network: Network) -> Floats:
        """Send rows through the two layers of a network."""
        (inner, outer), (first, last) = network
        hidden = np.maximum(product(self._standard(X), inner) + first, 0.0)
        return sigmoid(product(hidden, outer[:, 0]) + last[0])


def product(rows: Floats, columns: Floats) -> Floats:
    """Matrix product without the linear algebra's threads: each row's bits are its own."""
    return np.asarray(np.einsum("ij,j...->i...", rows, columns), dtype=np.float64)


def _one_blas_thread() -> Any:
    """Threads of the linear algebra change the last bits of a sum: here there is one."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(limits=1, user_api="blas")
