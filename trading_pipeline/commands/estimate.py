"""What a run would do: rows, time and memory, before anything is done.

For a home that has run, `dry_run` takes the measured seconds of its tables. Else time is a sum
with few terms, and its spread over the steps is rough. The constants are those of quick runs on
two cores: 4 thousand, 175 thousand and 480 thousand daily rows took 87, 165 and 211 s; the first
and the last held 0.6 and 4.7 GB at their peak.
"""

from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.vendors.ingest import VENDOR_KINDS
from trading_pipeline.commands.vendors import rows_to_come
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.steps import STEP_NAMES
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.sweeps.spaces import n_trials_of

SAMPLE_ROWS, SAMPLE_SESSIONS = 174_573, 8_313
BASE_SECONDS = 80.0
BASE_SECONDS_WITHOUT_TRAINING = 40.0
SECONDS_PER_MILLION_ROWS = 40.0
SECONDS_PER_FIT = 0.25
# Of a fit: rows x features x boosting rounds, in thousands of millions.
SECONDS_PER_BILLION_CELLS = 1.5
BASE_GIGABYTES = 0.6
# How many times the features stand in memory by the end of a step.
FRAMES_AT_PEAK = dict.fromkeys(STEP_NAMES[:4], 1.0) | {
    **dict.fromkeys(STEP_NAMES[4:7], 4.0),
    **dict.fromkeys(STEP_NAMES[7:], 7.0),
}
# Of what a run takes without its fits, on two cores and 4 thousand rows.
SHARES = dict(
    zip(
        STEP_NAMES,
        (0.02, 0.06, 0.01, 0.02, 0.41, 0.03, 0.12, 0.02, 0.03, 0.09, 0.04, 0.15),
        strict=True,
    )
)
LEFT_OUT = ("crash", "recovery")
UPDATE_JOB = "daily_update"


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job is expected to take."""

    daily_rows: int
    n_features: int
    step_seconds: dict[str, float]
    step_gigabytes: dict[str, float]

    @property
    def gigabytes(self) -> float:
        """The peak of the whole run."""
        return max(self.step_gigabytes.values())


def estimate(home: Path, config: PipelineConfig, job: str) -> Estimate:
    """Return what a job would take where every table is computed; nothing is written."""
    rows, sessions = _size(home, config)
    module = load_feature_module(config.features.module)
    n_features = len(feature_registry(config.features, module))
    trains = job != UPDATE_JOB
    base = BASE_SECONDS if trains else BASE_SECONDS_WITHOUT_TRAINING
    base += SECONDS_PER_MILLION_ROWS * rows / 1e6
    seconds = {step: share * base for step, share in SHARES.items()}
    for step, more in _fit_seconds(rows, sessions, n_features, config).items() if trains else ():
        seconds[step] += more
    frame = rows * n_features * 8 / 1e9
    gigabytes = {step: BASE_GIGABYTES + frames * frame for step, frames in FRAMES_AT_PEAK.items()}
    return Estimate(rows, n_features, seconds, gigabytes)


def _size(home: Path, config: PipelineConfig) -> tuple[int, int]:
    """Return daily rows and sessions of the source."""
    source = config.source
    if source.kind == "files":
        folder = MarketFolder.open(Path(source.data))
        raw = folder.read_daily(source.symbols, source.start, source.end)
        return len(raw), int(raw["ts"].dt.normalize().nunique())
    if source.kind == "simulated":
        made = source.simulation
        return made.n_symbols * made.n_sessions, made.n_sessions
    if source.kind in VENDOR_KINDS:
        return rows_to_come(home, config)
    return SAMPLE_ROWS, SAMPLE_SESSIONS


def _fit_seconds(
    rows: int, sessions: int, n_features: int, config: PipelineConfig
) -> dict[str, float]:
    """Return the seconds of fitting by step."""
    sweeps, blocks = config.sweeps, config.splits.n_folds
    learners = len(sweeps.learners)
    in_window = rows * min(1.0, config.splits.window_sessions / max(sessions, 1))
    cells = in_window * n_features / 1e9
    trials = sum(n_trials_of(name, sweeps.n_trials) for name in sweeps.learners)
    searches = trials * blocks * sweeps.inner_folds
    searched = searches * cells / sweeps.every_nth_session * sweeps.max_rounds
    rare = [event for event in config.memory.events if event.regime in LEFT_OUT]
    left_out = len(rare) if config.validation.leave_events_out else 0
    # One fit a block out of fold and one for the gate; one for each event left out; one to deploy.
    final = {"ensemble": blocks + 1, "validation with SHAP": left_out, "gate": 1}
    one_fit = SECONDS_PER_FIT + SECONDS_PER_BILLION_CELLS * cells * config.ensemble.max_rounds
    sweeping = SECONDS_PER_FIT * searches + SECONDS_PER_BILLION_CELLS * searched
    return {"sweeps": sweeping, **{step: learners * n * one_fit for step, n in final.items()}}
