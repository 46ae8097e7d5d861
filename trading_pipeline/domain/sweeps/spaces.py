"""What a trial may choose: a learner's parameters and the lengths of the indicator windows.

The spaces are narrow and regularised, because 20-session returns are mostly noise. Penalties are
shares of the training rows: labels that overlap bring rows without bringing information, so what
a search on every fifth session chose must hold for the fit on all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from trading_pipeline.domain.sweeps.learners import LEARNERS

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

Choice: TypeAlias = str | int
Windows: TypeAlias = Mapping[str, Sequence[Choice]]

_WINDOW = "window_"


@dataclass(frozen=True, slots=True)
class Range:
    """One parameter: bounds, default, and the scale it is drawn on."""

    low: float
    high: float
    default: float
    is_log: bool = False
    is_integer: bool = False


_SHARED = {
    "learning_rate": Range(0.02, 0.10, 0.05, is_log=True),
    "l2_frac": Range(0.0003, 0.03, 0.003, is_log=True),
    "column_frac": Range(0.2, 0.8, 0.5),
    "row_frac": Range(0.5, 0.9, 0.7),
}
_LEAF = Range(0.003, 0.05, 0.01, is_log=True)
SPACES: Mapping[str, Mapping[str, Range]] = {
    "lightgbm": {
        **_SHARED,
        "leaf_frac": _LEAF,
        "num_leaves": Range(6, 31, 15, is_log=True, is_integer=True),
    },
    "xgboost": {
        **_SHARED,
        "leaf_frac": _LEAF,
        "max_depth": Range(2, 5, 4, is_integer=True),
    },
    "catboost": {
        **_SHARED,
        "max_depth": Range(3, 6, 5, is_integer=True),
        "random_strength": Range(0.1, 4.0, 1.0, is_log=True),
    },
    "gradient_boosting": {
        "learning_rate": _SHARED["learning_rate"],
        "l2_frac": _SHARED["l2_frac"],
        "column_frac": _SHARED["column_frac"],
        "leaf_frac": _LEAF,
        "num_leaves": Range(6, 31, 15, is_log=True, is_integer=True),
    },
    "mlp": {
        "learning_rate": Range(0.0003, 0.01, 0.002, is_log=True),
        "l2_frac": Range(0.0001, 0.1, 0.003, is_log=True),
        "hidden_units": Range(4, 32, 16, is_log=True, is_integer=True),
    },
    "logistic": {"l2_frac": Range(0.003, 3.0, 0.1, is_log=True)},
    "gru": {
        "learning_rate": Range(0.0005, 0.01, 0.003, is_log=True),
        "l2_frac": Range(0.0001, 0.03, 0.001, is_log=True),
        "hidden_units": Range(4, 16, 8, is_log=True, is_integer=True),
    },
    # These run fixed settings.
    "random_forest": {},
    "extra_trees": {},
    "svm": {},
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one trial tries."""

    params: Mapping[str, float | int]
    windows: Mapping[str, Choice]

    def to_record(self) -> dict[str, object]:
        """The parameters, with the windows under one key."""
        return {**self.params, "windows": dict(self.windows)}

    @classmethod
    def from_record(cls, record: Mapping[str, object]) -> "Candidate":
        """Read what ``to_record`` gave. Raises ValueError where it is not a trial's record."""
        params = {k: v for k, v in record.items() if k != "windows"}
        windows = record.get("windows", {})
        if not isinstance(windows, Mapping) or any(
            not isinstance(v, int | float) for v in params.values()
        ):
            raise ValueError(f"not the parameters of a trial: {record}")
        return cls({k: v for k, v in params.items() if isinstance(v, int | float)}, dict(windows))


def default_candidate(learner: str, windows: Windows) -> Candidate:
    """The fixed first trial: sensible parameters and the middle choice of each window."""
    params = {
        name: int(r.default) if r.is_integer else r.default for name, r in space_of(learner).items()
    }
    return Candidate(params, {family: c[len(c) // 2] for family, c in windows.items() if c})


def window_rotation(windows: Windows) -> list[dict[str, Choice]]:
    """Points that, after the default, try each family's other windows once, side by side.

    Ten trials are too few for a sampler to meet every window by chance.
    """
    turns = max((len(choices) for choices in windows.values()), default=0)
    return [
        {
            f"{_WINDOW}{family}": c[(len(c) // 2 + turn) % len(c)]
            for family, c in windows.items()
            if c
        }
        for turn in range(1, turns)
    ]


def candidate_point(candidate: Candidate) -> dict[str, float | int | str]:
    """The candidate as the search library's flat point."""
    chosen = {f"{_WINDOW}{family}": choice for family, choice in candidate.windows.items()}
    return {**candidate.params, **chosen}


def distributions_of(learner: str, windows: Windows) -> "dict[str, BaseDistribution]":
    """Return the space as the search library's distributions, in a fixed order of questions."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    asked: dict[str, BaseDistribution] = {}
    for name, r in space_of(learner).items():
        if r.is_integer:
            asked[name] = IntDistribution(int(r.low), int(r.high), log=r.is_log)
        else:
            asked[name] = FloatDistribution(r.low, r.high, log=r.is_log)
    for family in sorted(windows):
        if windows[family]:
            asked[f"{_WINDOW}{family}"] = CategoricalDistribution(list(windows[family]))
    return asked


def suggest_candidate(trial: "Trial", learner: str, windows: Windows) -> Candidate:
    """Let the sampler choose a candidate, in a fixed order of questions."""
    params: dict[str, float | int] = {}
    for name, r in space_of(learner).items():
        if r.is_integer:
            params[name] = trial.suggest_int(name, int(r.low), int(r.high), log=r.is_log)
        else:
            params[name] = trial.suggest_float(name, r.low, r.high, log=r.is_log)
    chosen = {
        family: trial.suggest_categorical(f"{_WINDOW}{family}", list(windows[family]))
        for family in sorted(windows)
        if windows[family]
    }
    return Candidate(params, {k: v for k, v in chosen.items() if isinstance(v, str | int)})


def n_trials_of(learner: str, n_trials: int) -> int:
    """How many trials a search makes: one where the learner's settings are fixed."""
    return n_trials if space_of(learner) else 1


def space_of(learner: str) -> Mapping[str, Range]:
    """The search space of a learner. Raises ValueError for an unknown name."""
    if learner not in SPACES:
        raise ValueError(f"no search space for {learner!r}; choose from {', '.join(LEARNERS)}")
    return SPACES[learner]
