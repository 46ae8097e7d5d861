"""Run the truth suite: markets of known answer, two at a time, each result kept at once."""

import hashlib
import json
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.feature_module import feature_module_hash
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.commands.summary import write_json
from trading_pipeline.commands.truth_market import FolderMarket, read_oracle, run_task
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError, RunFailedError
from trading_pipeline.domain.truth.standards import Standard, standards
from trading_pipeline.domain.truth.suite import MarketTask, SuiteName, suite_tasks, truth_config

PROCESSES = 2
Record = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A market to run, with its settings and where its result is kept."""

    task: MarketTask
    config: PipelineConfig
    folder: FolderMarket | None
    kept: Path

    @property
    def size(self) -> float:
        """Return what the market is expected to cost, in rows."""
        return float(self.task.n_symbols * self.task.n_sessions)


def prove_truth(
    console: Console,
    home: Path,
    config: PipelineConfig,
    suite: SuiteName,
    data: Path | None,
    oracle: Path | None,
    json_path: Path | None,
    processes: int = PROCESSES,
) -> bool:
    """Run the suite, or one market folder with its oracle; return whether no bar is missed.

    Results are kept in `home/truth` by code version and market; what is kept is not run again.
    Raises InputError for a folder or an oracle that cannot be read, RunFailedError where a market
    cannot be run.
    """
    jobs = _jobs(home, config, suite, data, oracle)
    kept = {job.task.name: _read(job.kept) for job in jobs if job.kept.exists()}
    console.print(
        f"truth suite: {len(jobs)} markets, {len(kept)} of them kept from an earlier run",
        highlight=False,
    )
    todo = [job for job in jobs if job.task.name not in kept]
    kept |= _run(console, todo, processes)
    results = [kept[job.task.name] for job in jobs]
    found = standards(results)
    _print(console, found)
    is_met = all(bar.is_met is not False for bar in found)
    if json_path:
        bars = [bar.record() for bar in found]
        write_json(
            {
                "suite": "given" if data else suite,
                "is_met": is_met,
                "bars": bars,
                "markets": results,
            },
            json_path,
        )
    return is_met


def _jobs(
    home: Path, config: PipelineConfig, suite: SuiteName, data: Path | None, oracle: Path | None
) -> list[Job]:
    if (data is None) != (oracle is None):
        raise InputError("--data and --oracle belong together; give both, or neither")
    if data is None or oracle is None:
        tasks = suite_tasks(suite)
        return [_job(home, task, truth_config(config, suite, task.n_symbols)) for task in tasks]
    folder = MarketFolder.open(data)
    read_oracle(oracle)
    n_symbols = folder.read_daily((), None, None)["symbol"].nunique()
    first, last = folder.daily_span()
    n_sessions = max(1, (last - first).days * 252 // 365)
    task = MarketTask(data.name, "given", "none", 0.5, n_symbols, n_sessions, 0)
    content = hashlib.sha256(oracle.read_bytes()).hexdigest()
    market = FolderMarket(str(data), str(oracle), folder.fingerprint() + content)
    return [_job(home, task, truth_config(config, suite, n_symbols), market)]


def _job(
    home: Path, task: MarketTask, config: PipelineConfig, folder: FolderMarket | None = None
) -> Job:
    settings = config.model_dump(mode="json", exclude={"runtime", "tracking", "vendors"})
    module = feature_module_hash(config.features.module)
    content = [task.record(), settings, module, folder.fingerprint if folder else ""]
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return Job(task, config, folder, home / "truth" / code_version() / f"{key}.json")


def _run(console: Console, jobs: Sequence[Job], processes: int) -> dict[str, Record]:
    """Run what is left, small markets first as they come, keeping each result at once."""
    if not jobs:
        return {}
    found: dict[str, Record] = {}
    total, done, began = sum(job.size for job in jobs), 0.0, time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Bar(*columns, TimeElapsedColumn(), console=console, disable=not console.is_terminal)
    # Spawned, so that no learner's threads are copied into a child.
    pool = ProcessPoolExecutor(max_workers=processes, mp_context=get_context("spawn"))
    try:
        with bar:
            shown = bar.add_task("markets", total=len(jobs))
            running: dict[Future[Record], Job] = {
                pool.submit(run_task, job.task, job.config, job.folder): job for job in jobs
            }
            while running:
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    job = running.pop(future)
                    found[job.task.name] = _result(future, job)
                    done += job.size
                    left = (time.monotonic() - began) * (total - done) / done / 60
                    said = f"{job.task.name} done, about {left:.0f} min left"
                    bar.update(shown, advance=1, description=said)
                    if not console.is_terminal:
                        console.print(f"{len(found)} of {len(jobs)}: {said}", highlight=False)
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return found


def _result(future: Future[Record], job: Job) -> Record:
    try:
        figures = future.result()
    except InputError:
        raise
    except Exception as error:
        raise RunFailedError(f"market {job.task.name} cannot be run: {error}") from error
    fields = job.task.record()
    planted = {"oracle_auc_planted": fields.pop("oracle_auc")}
    record = {**fields, **planted, **figures}
    job.kept.parent.mkdir(parents=True, exist_ok=True)
    write_json(record, job.kept)
    return record


def _read(path: Path) -> Record:
    record: Record = json.loads(path.read_text("utf-8"))
    return record


def _print(console: Console, bars: Sequence[Standard]) -> None:
    table = Table(box=None, title="Bars of the truth suite", title_justify="left")
    for column in ("bar", "value", "interval", "required", "n", "met", "note"):
        table.add_column(column, overflow="fold")
    said = {True: "[green]met[/]", False: "[red]missed[/]", None: "not assessable"}
    for bar in bars:
        interval = f"[{_number(bar.low)}, {_number(bar.high)}]"
        has_interval = bar.low is not None or bar.high is not None
        table.add_row(
            escape(bar.name),
            _number(bar.value),
            escape(interval) if has_interval else "none",
            bar.required,
            f"{bar.n:,} {bar.of}",
            said[bar.is_met],
            escape(bar.note),
        )
    console.print(table)
    n_met = sum(bar.is_met is True for bar in bars)
    n_missed = sum(bar.is_met is False for bar in bars)
    console.print(
        f"{n_met} met, {n_missed} missed, {len(bars) - n_met - n_missed} not assessable",
        highlight=False,
    )


def _number(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4f}"
