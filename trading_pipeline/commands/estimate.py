"""What a run would do: rows, time and memory, before anything is done.

Time comes from the home's own last run of the same source and profile, else from a sum with few
terms. Its constants are those of quick runs on two cores: 4 thousand, 175 thousand and 480 thousand
daily rows took 87, 165 and 211 s; the first and the last held 0.6 and 4.7 GB at their peak.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.vendors.ingest import VENDOR_KINDS
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.summary import write_json
from trading_pipeline.commands.vendors import print_fetch_estimate, rows_to_come
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.vocabulary import STAGES
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
FRAMES_AT_PEAK = 7
LEFT_OUT = ("crash", "recovery")
UPDATE_JOB = "daily_update"
UPDATE_STAGES = ("bars", "regimes", "features", "predictions", "outcomes", "drift", "selloffs")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job is expected to take."""

    daily_rows: int
    n_features: int
    seconds: float
    gigabytes: float
    rests_on: str


def estimate(home: Path, config: PipelineConfig, job: str) -> Estimate:
    """Return what a job would take where every table is computed; nothing is written."""
    rows, sessions = _size(home, config)
    module = load_feature_module(config.features.module)
    n_features = len(feature_registry(config.features, module))
    seconds, rests_on = _known_seconds(home, config, job), "the last run of this home"
    if not seconds:
        seconds = BASE_SECONDS_WITHOUT_TRAINING if job == UPDATE_JOB else BASE_SECONDS
        seconds += SECONDS_PER_MILLION_ROWS * rows / 1e6
        if job != UPDATE_JOB:
            seconds += _fit_seconds(rows, sessions, n_features, config)
        rests_on = "rows and settings, on two cores"
    gigabytes = BASE_GIGABYTES + FRAMES_AT_PEAK * rows * n_features * 8 / 1e9
    return Estimate(rows, n_features, seconds, gigabytes, rests_on)


def print_estimate(
    console: Console, home: Path, config: PipelineConfig, job: str, json_path: Path | None
) -> None:
    """Print the estimate, and write it as JSON where asked."""
    found = estimate(home, config, job)
    source = " ".join(part for part in (config.source.kind, config.source.data) if part)
    table = Table(box=None, show_header=False, title="Dry run: nothing was done")
    table.title_justify = "left"
    table.add_row("job", f"{job}, profile {config.profile}")
    table.add_row("home", str(home))
    table.add_row("source", source)
    table.add_row("daily rows", f"about {found.daily_rows:,}")
    table.add_row("features", str(found.n_features))
    table.add_row("time", f"about {found.seconds:.0f} s if every table is computed")
    table.add_row("memory", f"about {found.gigabytes:.1f} GB at the peak")
    table.add_row("rests on", found.rests_on)
    console.print(table)
    to_fetch = print_fetch_estimate(console, home, config)
    if json_path:
        write_json(
            {
                "to_fetch": to_fetch,
                "job": job,
                "daily_rows": found.daily_rows,
                "features": found.n_features,
                "seconds": round(found.seconds, 1),
                "memory_gb": round(found.gigabytes, 2),
                "rests_on": found.rests_on,
            },
            json_path,
        )


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


def _known_seconds(home: Path, config: PipelineConfig, job: str) -> float:
    """Return the seconds of the home's tables; 0 where it ran something else, or nothing."""
    store = ConfigStore(home)
    if not (home / "warehouse.duckdb").exists() or not store.has_current():
        return 0.0
    last = store.load().config
    if (last.source, last.profile) != (config.source, config.profile):
        return 0.0
    stages = UPDATE_STAGES if job == UPDATE_JOB else STAGES
    ledger = Warehouse(home).materializations()
    return sum(m.seconds for name, m in ledger.items() if name.split(".")[0] in stages)


def _fit_seconds(rows: int, sessions: int, n_features: int, config: PipelineConfig) -> float:
    sweeps, blocks = config.sweeps, config.splits.n_folds
    learners = len(sweeps.learners)
    in_window = rows * min(1.0, config.splits.window_sessions / max(sessions, 1))
    cells = in_window * n_features / 1e9
    trials = sum(n_trials_of(name, sweeps.n_trials) for name in sweeps.learners)
    searches = trials * blocks * sweeps.inner_folds
    searched = searches * cells / sweeps.every_nth_session * sweeps.max_rounds
    rare = [event for event in config.memory.events if event.regime in LEFT_OUT]
    left_out = len(rare) if config.validation.leave_events_out else 0
    # One fit a block out of fold, one for each event left out, one for the gate, one to deploy.
    final = learners * (blocks + 1 + left_out)
    fitted = final * cells * config.ensemble.max_rounds
    return SECONDS_PER_FIT * (searches + final) + SECONDS_PER_BILLION_CELLS * (searched + fitted)
