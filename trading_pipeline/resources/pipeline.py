"""The home as a Dagster resource: its lock, its settings and its warehouse."""

import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from pydantic import Field, PrivateAttr

from trading_pipeline.adapters.config_store import ConfigStore, StoredConfig
from trading_pipeline.adapters.locks import RUN_LOCK, home_lock
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.resources.run_log import log_run_end

PID_TAG = "trading_pipeline/pid"
CONFIG_TAG = "trading_pipeline/config_version"


class PipelineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The home, its warehouse and the settings of the run.

    A run holds the home's lock from start to end: two runs never work on one home.
    """

    home: str = Field(description="Folder that holds everything the program writes.")
    config_version: str = Field(default="", description="Stored settings; empty: the current.")
    is_forced: bool = Field(default=False, description="Compute even what is up to date.")

    _lock: Any = PrivateAttr(default=None)
    _stored: StoredConfig = PrivateAttr()
    _warehouse: Warehouse = PrivateAttr()
    _memory: dict[str, tuple[object, Any]] = PrivateAttr(default_factory=dict)
    _started_at: pd.Timestamp = PrivateAttr()

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Take the home's lock, resolve the settings, bring the warehouse up to date."""
        home = Path(self.home)
        self._started_at = pd.Timestamp.now(tz="UTC")
        self._stored = ConfigStore(home).load(self.config_version)
        self._lock = home_lock(home)
        self._lock.__enter__()
        try:
            self._warehouse = open_warehouse(home, self._stored.config)
            self._warehouse.migrate()
            self._store_settings()
            if context.instance and context.run:
                tags = {PID_TAG: str(os.getpid()), CONFIG_TAG: self._stored.version}
                context.instance.add_run_tags(context.run.run_id, tags)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise

    def _store_settings(self) -> None:
        known = self._warehouse.read(
            "select 1 from provenance.settings where config_version = $version",
            {"version": self._stored.version},
        )
        if known.empty:
            row = {
                "config_version": self._stored.version,
                "config_json": self._stored.text,
                "stored_at": pd.Timestamp.now(tz="UTC"),
            }
            self._warehouse.append("provenance.settings", pd.DataFrame([row]))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Append the run's line to the training log, and give the home back."""
        try:
            if context.instance and context.run:
                log_run_end(
                    context.instance,
                    context.run,
                    self._warehouse,
                    self._stored.version,
                    self._started_at,
                )
        except InputError as error:
            # What the run computed stands; a line that could not be written undoes none of it.
            if context.log:
                context.log.warning(f"the training log has no line of this run: {error}")
        finally:
            self._lock.__exit__(None, None, None)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse of the home."""
        return self._warehouse

    @property
    def stored_config(self) -> StoredConfig:
        """The run's settings and their version."""
        return self._stored

    @property
    def memory(self) -> dict[str, tuple[object, Any]]:
        """What the assets of this run remember; see `StageRun.remember`."""
        return self._memory


def open_warehouse(home: Path, config: PipelineConfig) -> Warehouse:
    """Return the home's warehouse, opened as the settings say."""
    runtime = config.runtime
    return Warehouse(
        home,
        lock_wait_seconds=runtime.lock_wait_seconds,
        threads=runtime.threads,
        memory_gb=runtime.memory_gb,
    )


def open_home(home: Path, wait_seconds: float) -> Warehouse:
    """Return the warehouse of a home outside a run, such as for a sensor's tick.

    Raises InputError where no run has left anything yet.
    """
    if not (home / "warehouse.duckdb").exists():
        raise InputError(f"home {home} holds no warehouse yet; run `trading-pipeline run` once")
    return Warehouse(home, lock_wait_seconds=wait_seconds)


def hold_home(home: Path, name: str = RUN_LOCK) -> AbstractContextManager[Path]:
    """Hold a lock of the home for a while, by default that of runs.

    Raises WarehouseBusyError while another process holds it.
    """
    return home_lock(home, name)
