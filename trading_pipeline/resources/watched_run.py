"""A stage run that computes nothing: it tells which tables a decision about staleness asked."""

import logging
import re
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.config_store import config_version
from trading_pipeline.adapters.table_contract import table_contracts
from trading_pipeline.adapters.vendors.ingest import Ingested
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.ports import Renderer, Silent
from trading_pipeline.resources.stage_run import StageRun
from trading_pipeline.resources.studies import StudyAccess
from trading_pipeline.resources.vendors import VendorAccess

_NAME = re.compile(r"\b([a-z_]+\.[a-z_]+)\b")


class WouldWriteError(InputError):
    """A decision needs what only a run may bring: fetched pages, a made market."""


class WatchedRun(StageRun):
    """Reads like a stage run, remembers the tables that were asked, and refuses to write."""

    asked: set[str]

    def read(self, sql: str, **params: Any) -> pd.DataFrame:
        """Return the rows of a query; the tables it names count as asked."""
        self.asked |= set(_NAME.findall(sql)) & set(table_contracts())
        return super().read(sql, **params)

    def hash(self, name: str, where: str = "", **params: Any) -> str:
        """Return the content hash of a table, which counts as asked."""
        self.asked.add(name)
        return super().hash(name, where, **params)

    def warn(self, text: str) -> None:
        """Say nothing: the run itself will."""

    def fetch(self, months: tuple[date, date] | None = None) -> Ingested:  # noqa: ARG002
        """Refuse: a dry run asks no vendor."""
        raise WouldWriteError("asks the vendor for what came since")

    def vendor_market(self) -> Path:
        """Refuse: the folder is made of pages that are not fetched yet."""
        raise WouldWriteError("read from what the vendor sends")

    def write_market(self, path: Path, market: Any) -> None:  # noqa: ARG002
        """Refuse."""
        raise WouldWriteError("the market is made first")

    def write_sample(self, path: Path, minute: pd.DataFrame) -> None:  # noqa: ARG002
        """Refuse."""
        raise WouldWriteError("the sample's folder is made first")


def _no_server() -> str:
    raise WouldWriteError("a search writes its trials")


def watched_run(
    warehouse: Warehouse, config: PipelineConfig, renderer: Renderer, vendors: VendorAccess
) -> WatchedRun:
    """Return a run over a home that leaves it as it is."""
    run = WatchedRun(
        asset="",
        run_id="dry",
        config=config,
        config_version=config_version(config),
        code_version=code_version(),
        warehouse=warehouse,
        progress=Silent(),
        renderer=renderer,
        log=logging.getLogger("trading_pipeline.dry_run"),
        is_forced=False,
        memory={},
        vendors=vendors,
        studies_at=StudyAccess(_no_server),
    )
    run.asked = set()
    return run
