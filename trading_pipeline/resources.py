"""What Dagster gives the assets: settings, the warehouse, and the IO manager of their tables.

The IO manager maps asset key [stage, table] to the table stage.table. Small tables pass as pandas
frames; large ones as a `select` that DuckDB writes to the lake without passing through pandas.
"""

import json
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type
from pydantic import Field, PrivateAttr

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.config_store import ConfigStore, StoredConfig
from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.market_folder import MarketFolder as MarketFolder
from trading_pipeline.adapters.market_relations import SESSION_CALENDAR, composed
from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.adapters.mlflow_store import log_run
from trading_pipeline.adapters.model_store import MemberFile, load_members, save_members
from trading_pipeline.adapters.sample_source import write_sample_folder
from trading_pipeline.adapters.sql_files import check_files, read_sql
from trading_pipeline.adapters.table_contract import table_contracts
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.ports import Progress, Renderer
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.contracts.tables import Markdown, SqlSelect, TableWrite
from trading_pipeline.contracts.tracking import TrackingRecord, TrackingResult
from trading_pipeline.contracts.vocabulary import LAKE_TABLES, PROVENANCE_COLUMNS

POOL = "warehouse"
PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 10
PID_TAG = "trading_pipeline/pid"
CONFIG_TAG = "trading_pipeline/config_version"


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

    def track(self, record: TrackingRecord) -> TrackingResult:
        """Tell MLflow of the run; a server that is absent or slow never stops it."""
        return log_run(record)

    def setting(self, dotted: str) -> Any:
        """Return a setting by its dotted name, in plain JSON types."""
        value: Any = self.config
        for part in dotted.split("."):
            value = getattr(value, part)
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else value

    def plot(self, name: str, alt: str, **inputs: Any) -> Markdown:
        """Return a plot as metadata."""
        return Markdown(self.renderer.markdown(self.renderer.plot(name, **inputs), alt))

    def advance(self, done: int, total: int, what: str) -> None:
        """Tell that part ``done`` of ``total`` of this asset is finished."""
        self.progress.advanced(self.asset, done, total, what)
        self.log.info(f"{self.asset}: {done}/{total} {what}")


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

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Take the home's lock, resolve the settings, bring the warehouse up to date."""
        home = Path(self.home)
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

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Give the home back."""
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
    )


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


def hold_home(home: Path) -> AbstractContextManager[Path]:
    """Hold the home's lock for a while; raises WarehouseBusyError while a run holds it."""
    return home_lock(home)


def read_query(name: str) -> str:
    """Return the text of a query file under `sql/queries/`."""
    return read_sql(f"queries/{name}")


def check_queries() -> dict[str, str]:
    """Return the text of each file of `sql/checks/` by its name, in order."""
    return {path.stem: path.read_text(encoding="utf-8") for path in check_files()}


def composed_select(name: str, raw: Mapping[str, str], judged: str | None = None) -> str:
    """Return a query of `bars/` with the relations it reads put before it.

    ``raw`` names the source's own selects; ``judged`` a query file between them and this one.
    """
    relations = {**raw, "session_calendar": SESSION_CALENDAR}
    if judged:
        relations[judged] = read_query(f"bars/{judged}")
    return composed(read_query(name), relations)


class TableIOManager(dg.IOManager):
    """Write and read tables: the lake's by DuckDB, the warehouse's in one short transaction."""

    def __init__(self, pipeline: PipelineResource, progress: Progress) -> None:
        self.pipeline = pipeline
        self.progress = progress

    def handle_output(self, context: dg.OutputContext, obj: TableWrite) -> None:
        """Write the table with its provenance, and show what it now holds."""
        table = ".".join(context.asset_key.path)
        if obj.result is None:
            known = self.pipeline.warehouse.latest_materialization(table)
            assert known is not None, "an asset is only reused when it was materialized before"
            metadata, content = loaded_metadata(known.metadata_json), known.content_hash
            metadata["up to date"] = True
        else:
            metadata = {**obj.result.metadata, "seconds": round(obj.seconds, 3)}
            content = self._write(context.run_id, table, obj, metadata)
        facts = self._facts(table)
        context.add_output_metadata(shown_metadata({**facts, "content": content, **metadata}))
        self.progress.finished(table, obj.seconds, facts["rows"], obj.result is None)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """Return a table as a frame."""
        return self.pipeline.warehouse.read(f"select * from {'.'.join(context.asset_key.path)}")

    def _write(
        self, run_id: str, table: str, write: TableWrite, metadata: Mapping[str, Any]
    ) -> str:
        assert write.result is not None
        provenance = Provenance(
            run_id=run_id,
            code_version=code_version(),
            data_version=write.data_version,
            config_version=self.pipeline.stored_config.version,
            inputs_version=write.inputs_version,
            seconds=write.seconds,
            metadata_json=stored_metadata(metadata),
        )
        warehouse, rows = self.pipeline.warehouse, write.result.rows
        if table in LAKE_TABLES:
            lake = Lake(warehouse)
            if isinstance(rows, SqlSelect):
                return lake.write_from_sql(table, rows.sql, rows.params, provenance).content_hash
            return lake.write_frame(table, rows, provenance).content_hash
        if isinstance(rows, SqlSelect):
            return warehouse.replace_from_sql(table, rows.sql, rows.params, provenance)
        return warehouse.replace(table, rows, provenance)

    def _facts(self, table: str) -> dict[str, Any]:
        columns = {column.name for column in table_contracts()[table].columns}
        wanted = ["count(*) as n_rows"]
        if "session_date" in columns:
            wanted += ["min(session_date) as first", "max(session_date) as last"]
            wanted += ["count(distinct session_date) as n_sessions"]
        if "symbol" in columns:
            wanted += ["count(distinct symbol) as n_symbols"]
        warehouse = self.pipeline.warehouse
        row = warehouse.read(f"select {', '.join(wanted)} from {table}").iloc[0]
        facts: dict[str, Any] = {"rows": int(row.n_rows), "dagster/row_count": int(row.n_rows)}
        if "n_sessions" in row:
            facts["sessions covered"] = (
                f"{row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d} ({row.n_sessions} sessions)"
                if row.n_rows
                else "none"
            )
        if "n_symbols" in row:
            facts["symbols"] = int(row.n_symbols)
        preview = warehouse.read(f"select * from {table} limit {PREVIEW_ROWS}")
        facts["columns"] = preview.shape[1]
        facts["preview"] = Markdown(
            preview.iloc[:, :PREVIEW_COLUMNS].to_markdown(index=False) or "empty"
        )
        return facts


@dg.io_manager(required_resource_keys={"pipeline", "progress"})
def table_io_manager(context: dg.InitResourceContext) -> TableIOManager:
    """Build the IO manager on the run's own pipeline resource."""
    return TableIOManager(context.resources.pipeline, context.resources.progress)


def stored_metadata(metadata: Mapping[str, Any]) -> str:
    """Return metadata as JSON that keeps what is Markdown apart from plain text."""
    return json.dumps(
        {k: {"markdown": str(v)} if isinstance(v, Markdown) else v for k, v in metadata.items()},
        default=str,
    )


def loaded_metadata(text: str) -> dict[str, Any]:
    """Return what `stored_metadata` wrote."""
    return {
        key: Markdown(value["markdown"]) if isinstance(value, dict) else value
        for key, value in json.loads(text).items()
    }


def shown_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as the UI shows it."""
    return {
        key: dg.MetadataValue.md(value) if isinstance(value, Markdown) else value
        for key, value in metadata.items()
    }


def column_schema(table: str) -> dg.TableSchema:
    """Return the contract of a table for the UI's column view."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.is_nullable),
            )
            for column in table_contracts()[table].columns
        ]
    )


def frame_type(table: str) -> dg.DagsterType:
    """Return the type of an asset's output: a frame is checked by dagster-pandas at the border.

    The columns come from the migration. A `select` and a reused table hold no frame to check: the
    warehouse's own types and the SQL checks guard them.
    """
    name = f"{table.replace('.', '_')}_frame"
    with warnings.catch_warnings():
        # dagster-pandas is pinned exactly; that it calls itself beta is no news to a user.
        warnings.simplefilter("ignore", dg.BetaWarning)
        columns = [
            PandasColumn.exists(  # type: ignore[no-untyped-call]
                column.name, non_nullable=not column.is_nullable
            )
            for column in table_contracts()[table].columns
            if column.name not in PROVENANCE_COLUMNS
        ]
        frames = create_dagster_pandas_dataframe_type(  # type: ignore[no-untyped-call]
            name=name, columns=columns
        )

    def check(context: dg.TypeCheckContext, value: TableWrite) -> dg.TypeCheck | bool:
        if value.result is None or isinstance(value.result.rows, SqlSelect):
            return True
        checked: dg.TypeCheck = frames.type_check(context, value.result.rows)
        return checked

    return dg.DagsterType(
        type_check_fn=check, name=name + "_write", description=table_contracts()[table].comment
    )
