"""What a tracking server is told of a run, and what came of telling it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

TrackingState = Literal["logged", "disabled", "unavailable"]
# The model of falls is registered beside the daily one, under its name and this.
FALLS_SUFFIX = "_selloffs"


@dataclass(frozen=True, slots=True)
class LearnerRecord:
    """One learner of a retrain, logged as a child run.

    `fold_scores` maps a metric to its value per fold, in order; it is logged as `fold_<metric>`
    with the fold as its step. NaN is left out.
    """

    name: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    fold_scores: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IntervalMetric:
    """A hold-out score with its interval; a missing end is NaN."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True)
class TrackingRecord:
    """One retrain, ready to be logged.

    `uri` empty means a database file in `home`. `figures` maps a name to SVG text.
    `model_dir` holds native model files and their manifest.
    """

    home: Path
    run_name: str
    experiment: str
    registered_model: str
    uri: str = ""
    is_enabled: bool = True
    timeout_seconds: float = 20.0
    alias: str = "challenger"
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    holdout: Mapping[str, IntervalMetric] = field(default_factory=dict)
    learners: tuple[LearnerRecord, ...] = ()
    figures: Mapping[str, str] = field(default_factory=dict)
    report: Path | None = None
    model_dir: Path | None = None


@dataclass(frozen=True, slots=True)
class TrackingResult:
    """What came of logging; `detail` says why in words where it was not logged."""

    state: TrackingState
    detail: str
    mlflow_run_id: str | None = None
    mlflow_model_version: str | None = None
