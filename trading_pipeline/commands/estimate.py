"""What a run would do: rows, time and memory, before anything is done."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.summary import write_json
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.vocabulary import STAGES
from trading_pipeline.domain.features.registry import feature_registry

SAMPLE_ROWS = 174_573
# Measured on two cores: CPU seconds of one fit per million rows x columns x rounds.
FIT_SECONDS_PER_MILLION = 0.012
BASE_SECONDS = 25.0
BASE_GIGABYTES = 0.8


def print_estimate(
    console: Console, home: Path, config: PipelineConfig, job: str, json_path: Path | None
) -> None:
    """Print the estimate; seconds come from the last run of this home where there was one."""
    rows = _daily_rows(config)
    n_features = len(feature_registry(config.features))
    known = _known_seconds(home)
    stages = {
        stage: sum(s for asset, s in known.items() if asset.startswith(f"{stage}."))
        for stage in STAGES
    }
    from_history = bool(known)
    seconds = sum(stages.values()) if from_history else _first_run_seconds(rows, n_features, config)
    gigabytes = BASE_GIGABYTES + 4 * rows * n_features * 8 / 1e9
    table = Table(box=None, show_header=False, title="Dry run: nothing was done")
    table.add_row("job", job)
    table.add_row("home", str(home))
    table.add_row("source", f"{config.source.kind} {config.source.data}")
    table.add_row("daily rows", f"about {rows:,}")
    table.add_row("features", str(n_features))
    table.add_row("time if all is computed", f"about {seconds:.0f} s")
    table.add_row("memory", f"about {gigabytes:.1f} GB at the peak")
    table.add_row("rests on", "the last run of this home" if from_history else "rows and settings")
    console.print(table)
    if json_path:
        write_json(
            {
                "job": job,
                "daily_rows": rows,
                "features": n_features,
                "seconds": round(seconds, 1),
                "memory_gb": round(gigabytes, 2),
                "stages": [{"stage": k, "seconds": round(v, 1)} for k, v in stages.items()],
            },
            json_path,
        )


def _daily_rows(config: PipelineConfig) -> int:
    source = config.source
    if source.kind == "files":
        folder = MarketFolder.open(Path(source.data))
        return len(folder.read_daily(source.symbols, source.start, source.end))
    if source.kind == "simulated":
        return source.simulation.n_symbols * source.simulation.n_sessions
    return SAMPLE_ROWS


def _known_seconds(home: Path) -> dict[str, float]:
    if not (home / "warehouse.duckdb").exists():
        return {}
    return {name: m.seconds for name, m in Warehouse(home).materializations().items()}


def _first_run_seconds(rows: int, n_features: int, config: PipelineConfig) -> float:
    share = min(1.0, config.splits.window_sessions * 1.2 / 5000)
    sweep, fits = config.sweeps, config.splits.n_folds
    searched = rows * share / sweep.every_nth_session * n_features * sweep.max_rounds
    tried = searched * sweep.n_trials * sweep.inner_folds * len(sweep.learners) * fits
    final = rows * share * n_features * sweep.max_rounds * len(sweep.learners) * (fits + 1)
    return BASE_SECONDS + FIT_SECONDS_PER_MILLION * (tried + final) / 1e6 / 10
