"""What one asset's computation may use: settings, data, models, progress, drawing."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.feature_module import feature_module_hash, load_feature_module
from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.adapters.mlflow_store import log_run
from trading_pipeline.adapters.model_store import MemberFile, load_members, save_members
from trading_pipeline.adapters.sample_source import write_sample_folder
from trading_pipeline.adapters.studies import Studies
from trading_pipeline.adapters.vendors.ingest import Ingested
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.feature_module import FeatureModule
from trading_pipeline.contracts.ports import Progress, Renderer
from trading_pipeline.contracts.tables import Markdown
from trading_pipeline.contracts.tracking import TrackingRecord, TrackingResult
from trading_pipeline.contracts.vendors import Dataset
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.resources.pipeline import PipelineResource
from trading_pipeline.resources.queries import read_query
from trading_pipeline.resources.studies import StudyAccess
from trading_pipeline.resources.vendors import VendorAccess, is_vendor, ledger_of


@dataclass
class StageRun:
    """One asset's view of its run: settings, data, and where to show progress."""

    asset: str
    run_id: str
    config: PipelineConfig
    config_version: str
    code_version: str
    warehouse: Warehouse
    progress: Progress
    renderer: Renderer
    log: Any
    is_forced: bool
    memory: dict[str, tuple[object, Any]]
    vendors: VendorAccess
    studies_at: StudyAccess
    inputs_version: str = ""

    @property
    def home(self) -> Path:
        """The folder that holds everything the program writes."""
        return self.warehouse.home

    def read(self, sql: str, **params: Any) -> pd.DataFrame:
        """Return the rows of a query over all tables."""
        return self.warehouse.read(sql, params or None)

    def query(self, name: str, **params: Any) -> pd.DataFrame:
        """Return the rows of a query file under `sql/queries/`."""
        return self.read(read_query(name), **params)

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole table without its provenance columns."""
        return self.read(f"select * exclude ({', '.join(PROVENANCE_COLUMNS)}) from {name}")

    def table_whole(self, name: str) -> pd.DataFrame:
        """Return a table that has no provenance columns, such as a ledger of decisions."""
        return self.read(f"select * from {name}")

    def hash(self, name: str, where: str = "", **params: Any) -> str:
        """Return the content hash of a table, or of the rows that meet a condition."""
        written = self.warehouse.latest_materialization(name)
        content = written.content_hash if written else ""
        if not where:
            return content
        key = (name, where, str(sorted(params.items())), content)
        return str(
            self.remember(
                f"hash of {key[:3]}",
                key,
                lambda: self.warehouse.content_hash(name, where=where, params=params),
            )
        )

    def remember(self, what: str, key: object, make: Callable[[], Any]) -> Any:
        """Return what an earlier asset of this run made from the same inputs, else make it.

        Only the newest value of each ``what`` is kept.
        """
        if what not in self.memory or self.memory[what][0] != key:
            self.memory[what] = (key, make())
        return self.memory[what][1]

    def save_model(self, version: str, files: Mapping[str, bytes]) -> list[MemberFile]:
        """Store a model's files, named stem and suffix, under the home."""
        members = {Path(name).stem: (Path(name).suffix, data) for name, data in files.items()}
        return save_members(self.home, version, members)

    def load_model(self, version: str) -> dict[str, bytes]:
        """Return a model's files by name, each checked against its hash."""
        members = load_members(self.home, version)
        return {stem + suffix: data for stem, (suffix, data) in members.items()}

    def studies(self) -> Studies:
        """Return where this asset keeps the trials of searches that are not finished."""
        return self.studies_at.of(self.home, self.asset, self.config)

    def write_report(self, name: str, text: str) -> Path:
        """Write a file under `reports/`, whole or not at all; return its path from the home."""
        target = self.home / "reports" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
        return target.relative_to(self.home)

    def write_market(self, path: Path, market: Any) -> None:
        """Write a simulated market as a market folder."""
        write_market_folder(path, market_tables(market), market.toml)

    def write_sample(self, path: Path, minute: pd.DataFrame) -> None:
        """Write the embedded default, with simulated minute bars, as a market folder."""
        write_sample_folder(path, minute)

    @property
    def is_vendor(self) -> bool:
        """Whether the source is fetched from a vendor."""
        return is_vendor(self.config)

    def fetch(self, months: tuple[date, date] | None = None) -> Ingested:
        """Fetch what the settings want and the ledger lacks, of some months only if given."""
        return self.vendors.fetch(self.home, self.config, self.advance, months)

    def requests(self) -> pd.DataFrame:
        """Return the ledger of answered pages in the columns of `bars.requests`."""
        return ledger_of(self.home)

    def vendor_market(self) -> Path:
        """Return the market folder made of the raw answers."""
        return self.vendors.market_path(self.home, self.config)

    def deliveries(self, dataset: Dataset) -> pd.DataFrame:
        """Return every word of a vendor's bars that came more than once; empty without a vendor."""
        if not self.is_vendor:
            return pd.DataFrame()
        return self.vendors.deliveries(self.home, self.config, dataset)

    def track(self, record: TrackingRecord) -> TrackingResult:
        """Tell MLflow of the run; a server that is absent or slow never stops it."""
        return log_run(record)

    def setting(self, dotted: str) -> Any:
        """Return a setting by its dotted name, in plain JSON types.

        The features' settings include the hash of the user's module they name: what it computes
        is stale when its text changes.
        """
        value: Any = self.config
        for part in dotted.split("."):
            value = getattr(value, part)
        if not hasattr(value, "model_dump"):
            return value
        tree = value.model_dump(mode="json")
        if dotted == "features":
            tree["module_hash"] = feature_module_hash(self.config.features.module)
        return tree

    def feature_module(self) -> FeatureModule | None:
        """Return the user's module of features, where the settings name one. Raises InputError."""
        return load_feature_module(self.config.features.module)

    def plot(self, name: str, alt: str, **inputs: Any) -> Markdown:
        """Return a plot as metadata."""
        return Markdown(self.renderer.markdown(self.renderer.plot(name, **inputs), alt))

    def warn(self, text: str) -> None:
        """Say loudly what is wrong and stops nothing: in the terminal and in Dagster's log."""
        self.progress.warned(self.asset, text)
        self.log.warning(f"{self.asset}: {text}")

    def advance(self, done: int, total: int, what: str) -> None:
        """Tell that part ``done`` of ``total`` of this asset is finished."""
        self.progress.advanced(self.asset, done, total, what)
        self.log.info(f"{self.asset}: {done}/{total} {what}")


def stage_run(context: dg.AssetExecutionContext, asset: str) -> StageRun:
    """Return what an asset's computation may use."""
    pipeline: PipelineResource = context.resources.pipeline
    return StageRun(
        asset=asset,
        run_id=context.run.run_id,
        config=pipeline.stored_config.config,
        config_version=pipeline.stored_config.version,
        code_version=code_version(),
        warehouse=pipeline.warehouse,
        progress=context.resources.progress,
        renderer=context.resources.renderer,
        log=context.log,
        is_forced=pipeline.is_forced,
        memory=pipeline.memory,
        vendors=context.resources.vendors,
        studies_at=context.resources.studies,
    )
