"""Launch a job in this process: the same job, on the same instance, as the UI and the schedule.

Before it starts, runs that died with their process are marked as failed and their pool slots are
freed; otherwise the next run would wait for them for ever.
"""

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from trading_pipeline.contracts.errors import WarehouseBusyError
from trading_pipeline.resources import PID_TAG, hold_home

# Of a run that holds another lock than the home's: a scan lets other runs work beside it.
LOCK_TAG = "trading_pipeline/lock"
UNFINISHED = [DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING]


@dataclass(frozen=True, slots=True)
class Launched:
    """How a run ended."""

    run_id: str
    is_success: bool
    failed_asset: str | None
    error: BaseException | None


def dagster_folder(home: Path, template: Path) -> Path:
    """Return the instance's folder under the home, with the top level's dagster.yaml in it."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "dagster.yaml"
    if not target.exists() or target.read_bytes() != template.read_bytes():
        temporary = folder / f".dagster.yaml.{os.getpid()}"
        shutil.copyfile(template, temporary)
        os.replace(temporary, target)
    return folder


def open_instance(home: Path, template: Path) -> DagsterInstance:
    """Return the home's Dagster instance; the caller disposes of it."""
    return DagsterInstance.from_config(str(dagster_folder(home, template)))


def settle_dead_runs(instance: DagsterInstance, home: Path) -> list[str]:
    """Mark runs of killed processes as failed, free their slots, name them.

    A run holds the home's lock, or the one its LOCK_TAG names, from start to end. Whoever can
    take the lock knows that every run which had it, and is not finished, is dead. Raises
    WarehouseBusyError while one lives that holds the home's.
    """
    settled = []
    with hold_home(home):
        for run in instance.get_runs(RunsFilter(statuses=UNFINISHED)):
            if PID_TAG in run.tags and _is_free(home, run.tags.get(LOCK_TAG)):
                instance.report_run_failed(run, message="The process of this run was killed.")
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
                settled.append(run.run_id)
    return settled


def _is_free(home: Path, lock: str | None) -> bool:
    """Return whether nobody holds a lock beside that of runs; no lock is always free."""
    if lock is None:
        return True
    try:
        with hold_home(home, lock):
            return True
    except WarehouseBusyError:
        return False


def launch(
    definitions: dg.Definitions,
    job: str,
    instance: DagsterInstance,
    *,
    home: Path,
    config_version: str,
    is_forced: bool = False,
    tags: Mapping[str, str] | None = None,
) -> Launched:
    """Run a job to its end in this process and tell how it ended."""
    settle_dead_runs(instance, home)
    resource = {"home": str(home), "config_version": config_version, "is_forced": is_forced}
    run_id = str(uuid.uuid4())
    with storage_held_open(home, run_id):
        result = definitions.resolve_job_def(job).execute_in_process(
            run_config={
                "resources": {"pipeline": {"config": resource}},
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
            },
            instance=instance,
            raise_on_error=False,
            tags={**(tags or {}), PID_TAG: str(os.getpid())},
            run_id=run_id,
        )
    failure = next(iter(result.filter_events(lambda event: event.is_failure)), None)
    return Launched(
        run_id=result.run_id,
        is_success=result.success,
        failed_asset=(failure.step_key or "").replace("__", ".") or None if failure else None,
        error=_cause(failure) if failure else None,
    )


@contextmanager
def storage_held_open(home: Path, run_id: str) -> Iterator[None]:
    """Keep one connection to each SQLite file that a run writes to.

    Dagster opens and closes a file for every event, and the last to close a file pays for moving
    the write-ahead log into it: thousands of times in a run where next to nothing is computed.
    Where the instance stores elsewhere, there are no such files.
    """
    folder = home / "dagster" / "history" / "runs"
    with ExitStack() as held:
        if (folder / "index.db").exists():
            for path in (folder.with_suffix(".db"), folder / "index.db", folder / f"{run_id}.db"):
                connection = held.enter_context(closing(sqlite3.connect(path)))
                connection.execute("pragma journal_mode = wal")
                # Only who has read counts as one who has the file open.
                connection.execute("select count(*) from sqlite_master").fetchone()
        yield


def _cause(failure: Any) -> Any:
    error = getattr(failure.event_specific_data, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return error
