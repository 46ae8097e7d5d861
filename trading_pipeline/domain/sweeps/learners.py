"""The base learners by name: made unfitted for a search, or read from their files."""

from collections.abc import Sequence
from typing import TypeAlias

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.sweeps.boosters import CatBoost, LightGbm, XgBoost
from trading_pipeline.domain.sweeps.deep import Gru
from trading_pipeline.domain.sweeps.estimators import (
    ExtraTrees,
    GradientBoosting,
    Logistic,
    Mlp,
    RandomForest,
    Svm,
)
from trading_pipeline.domain.sweeps.learner import (
    EvalSet,
    Floats,
    Labels,
    Learner,
    Matrix,
    Params,
    Weights,
    canonical_json,
)

__all__ = [
    "LEARNERS",
    "EvalSet",
    "Floats",
    "Labels",
    "Learner",
    "Matrix",
    "Params",
    "Weights",
    "canonical_json",
    "learner_from_bytes",
    "new_learner",
]

_Kind: TypeAlias = (
    type[LightGbm]
    | type[XgBoost]
    | type[CatBoost]
    | type[GradientBoosting]
    | type[RandomForest]
    | type[ExtraTrees]
    | type[Mlp]
    | type[Logistic]
    | type[Svm]
    | type[Gru]
)
_KINDS: tuple[_Kind, ...] = (
    LightGbm,
    XgBoost,
    CatBoost,
    GradientBoosting,
    RandomForest,
    ExtraTrees,
    Mlp,
    Logistic,
    Svm,
    Gru,
)
_LEARNERS: dict[str, _Kind] = {kind.name: kind for kind in _KINDS}
LEARNERS = tuple(_LEARNERS)


def new_learner(
    name: str,
    params: Params,
    *,
    seed: int,
    threads: int,
    device: Device = "cpu",
    columns: Sequence[str] = (),
) -> Learner:
    """An unfitted learner. Raises ValueError for a name that is not one of ``LEARNERS``.

    ``device`` is where a booster is fitted; the others are fitted on the processor. ``columns``
    names the columns of the matrices, for a learner that reads their lookbacks.
    """
    kind = _kind(name)
    if kind is Gru:
        return Gru(params, seed=seed, threads=threads, device=device, columns=columns)
    return kind(params, seed=seed, threads=threads, device=device)


def learner_from_bytes(name: str, content: bytes, *, threads: int) -> Learner:
    """A fitted learner from its file. Raises ValueError for an unknown name."""
    return _kind(name).from_bytes(content, threads=threads)


def _kind(name: str) -> _Kind:
    if name not in _LEARNERS:
        raise ValueError(f"unknown learner {name!r}; choose from {', '.join(LEARNERS)}")
    return _LEARNERS[name]
