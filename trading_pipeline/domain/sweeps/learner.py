"""The interface of a base learner, and the words its implementations share.

Every learner is fitted on float32 columns where NaN means missing, with a fixed seed. The thread
count never changes a bit of a fit; the tests hold them to that.
"""

import json
from collections.abc import Mapping
from typing import ClassVar, Protocol, TypeAlias

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
    has_contributions: ClassVar[bool]
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
        """Fit at most ``rounds`` rounds on X (n, p), y (n,) of 0 and 1, weights (n,) above zero.

        A round is a tree of a booster or an epoch of a network; a learner that is fitted at once
        has one. With ``eval_set`` the AUC on it after each round is kept in ``eval_auc``
        (rounds,); it never stops or changes the fit.
        """
        ...

    def predict(self, X: Matrix, *, rounds: int | None = None) -> Floats:
        """Probability of label 1, shape (n,), after the first ``rounds`` rounds, else after all.

        ``rounds`` below all are known to a learner that was fitted with an ``eval_set``.
        """
        ...

    def contributions(self, X: Matrix) -> Floats:
        """SHAP values in log odds, shape (n, p + 1); the last column is the expectation.

        Raises ValueError for a learner without them (``has_contributions``).
        """
        ...

    def to_bytes(self) -> tuple[str, bytes]:
        """File suffix and content; equal fits give equal bytes."""
        ...


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
