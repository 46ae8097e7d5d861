"""Run the whole graph, or a part of it, as the UI would; then say what came out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from rich.console import Console

from trading_pipeline.adapters.config_store import ConfigStore, StoredConfig
from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.launch import Launched, launch, open_instance
from trading_pipeline.commands.progress import TerminalProgress
from trading_pipeline.commands.summary import Summary, build_summary, print_summary, write_json
from trading_pipeline.commands.vendors import check_vendor
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError, RunFailedError, WarehouseBusyError
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.ensemble.fitting import check_learners
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.resources import open_warehouse
from trading_pipeline.settings import top_level_file


@dataclass(frozen=True, slots=True)
class Prepared:
    """A home that can take a run, and the settings the run will use."""

    home: Path
    stored: StoredConfig
    warehouse: Warehouse


def check_source(config: PipelineConfig, home: Path, *, is_dry: bool = False) -> None:
    """Read every file's shape and the user's features, or look for the keys, before any write.

    Also looks for what the learners need.

    Raises InputError.
    """
    source = config.source
    check_learners(config.sweeps.learners)
    check_vendor(home, config, is_dry=is_dry)
    if config.features.module:
        feature_registry(config.features, load_feature_module(config.features.module))
    if source.kind == "files":
        if not source.data:
            raise InputError("source files needs a market folder; give --data DIR")
        MarketFolder.open(Path(source.data)).check(source.symbols, source.start, source.end)


def prepare(home: Path, config: PipelineConfig) -> Prepared:
    """Check source and home, migrate the warehouse, store the settings. Raises InputError."""
    check_source(config, home)
    warehouse = open_warehouse(home, config)
    with home_lock(home):
        warehouse.migrate()
        stored = ConfigStore(home).save(config)
    return Prepared(home, stored, warehouse)


def run_job(
    console: Console,
    prepared: Prepared,
    job: str = "weekly_retrain",
    *,
    json_path: Path | None = None,
    is_forced: bool = False,
    tags: dict[str, str] | None = None,
) -> Summary:
    """Launch the job with progress; print the summary and write the JSON. Raises RunFailedError."""
    began = time.perf_counter()
    ledger = prepared.warehouse.materializations()
    known = {name: written.seconds for name, written in ledger.items()}
    progress = TerminalProgress(console, known)
    definitions = build_definitions(prepared.home, progress)
    names = [".".join(key.path) for key in assets_of(definitions, job)]
    progress.expect(names)
    with instance_of(prepared.home) as instance, progress:
        launched = launch(
            definitions,
            job,
            instance,
            home=prepared.home,
            config_version=prepared.stored.version,
            is_forced=is_forced,
            tags=tags,
        )
    _raise_failure(launched, prepared.home)
    seconds = {name: row[0] for name, row in progress.rows.items()}
    summary = build_summary(prepared.warehouse, prepared.stored.config, launched.run_id, seconds)
    print_summary(console, summary)
    if json_path:
        write_json(summary, json_path)
    reused = sum(row[2] for row in progress.rows.values())
    console.print(
        f"\n{time.perf_counter() - began:.0f} s; {len(progress.rows) - reused} tables computed, "
        f"{reused} up to date. `make ui` or `trading-pipeline ui` shows everything.",
        highlight=False,
    )
    return summary


@contextmanager
def instance_of(home: Path) -> Iterator[dg.DagsterInstance]:
    """Open the home's Dagster instance and dispose of it."""
    instance = open_instance(home, top_level_file("dagster.yaml"))
    try:
        yield instance
    finally:
        instance.dispose()


def assets_of(definitions: dg.Definitions, job: str) -> list[dg.AssetKey]:
    """Return the keys a job materializes, in the graph's order."""
    graph = definitions.resolve_job_def(job).asset_layer.asset_graph
    # The job's graph also names what it only reads.
    return [key for key in graph.toposorted_asset_keys if key in graph.executable_asset_keys]


def _raise_failure(launched: Launched, home: Path) -> None:
    if launched.is_success:
        return
    error = launched.error
    kind = getattr(error, "cls_name", "")
    lines = str(getattr(error, "message", "") or error or "unknown error").strip().splitlines()
    text = lines[0].removeprefix(f"trading_pipeline.contracts.errors.{kind}: ")
    if kind == DagsterExecutionInterruptedError.__name__:
        raise KeyboardInterrupt
    if kind in (InputError.__name__, WarehouseBusyError.__name__):
        raise InputError(text)
    where = f" in {launched.failed_asset.replace('__', '.')}" if launched.failed_asset else ""
    raise RunFailedError(
        f"run {launched.run_id} failed{where}: {text}\n"
        f"What was finished is kept: run again to go on from there. "
        f"Details: the run's page in `trading-pipeline ui`, home {home}"
    )
