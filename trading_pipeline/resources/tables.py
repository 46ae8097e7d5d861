"""The IO manager: asset key [stage, table] is the table stage.table.

Small tables pass as pandas frames, checked by dagster-pandas at the border; large ones as a
`select` that DuckDB writes to the lake without passing through pandas.
"""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd
from dagster_pandas import PandasColumn, create_dagster_pandas_dataframe_type

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.memory_use import peak_gigabytes
from trading_pipeline.adapters.table_contract import table_contracts
from trading_pipeline.contracts.ports import Progress
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.contracts.tables import FrameChunks, Markdown, SqlSelect, TableWrite
from trading_pipeline.contracts.vocabulary import LAKE_TABLES, PROVENANCE_COLUMNS
from trading_pipeline.resources.pipeline import PipelineResource

POOL = "warehouse"
PREVIEW_ROWS = 8
PREVIEW_COLUMNS = 10
# The most that the run's process has held by the end of the computation.
PEAK_MEMORY = "peak memory so far [GB]"


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
            shown = _shown_before(context, known.content_hash)
            if shown is None:
                kept = {"content": known.content_hash, **loaded_metadata(known.metadata_json)}
                shown = shown_metadata({**self._facts(table), **kept})
            context.add_output_metadata({**shown, "up to date": True})
            self.progress.finished(table, obj.seconds, known.n_rows, True)
            return
        metadata = {
            **obj.result.metadata,
            "seconds": round(obj.seconds, 3),
            PEAK_MEMORY: round(peak_gigabytes(), 3),
        }
        content = self._write(context.run_id, table, obj, metadata)
        if obj.result.on_written is not None:
            obj.result.on_written()
        facts = self._facts(table)
        context.add_output_metadata(shown_metadata({**facts, "content": content, **metadata}))
        self.progress.finished(table, obj.seconds, facts["rows"], False)

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
            chunks = rows.frames if isinstance(rows, FrameChunks) else [rows]
            return lake.write_chunks(table, chunks, provenance).content_hash
        if isinstance(rows, SqlSelect):
            return warehouse.replace_from_sql(table, rows.sql, rows.params, provenance)
        assert not isinstance(rows, FrameChunks), "only tables of the lake take chunks"
        # Appended rows take the place of none.
        kept = "false" if write.result.is_appended else ""
        return warehouse.replace(table, rows, provenance, where=kept)

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


def _shown_before(context: dg.OutputContext, content: str) -> dict[str, Any] | None:
    """Return the metadata of an asset's newest materialization, if it showed the same content."""
    event = context.step_context.instance.get_latest_materialization_event(context.asset_key)
    shown = event.asset_materialization.metadata if event and event.asset_materialization else {}
    known = shown.get("content")
    return dict(shown) if known is not None and known.value == content else None


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

    The columns come from the migration. A `select`, chunks and a reused table hold no frame to
    check: the warehouse's own types and the SQL checks guard them.
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
        if value.result is None or isinstance(value.result.rows, FrameChunks | SqlSelect):
            return True
        checked: dg.TypeCheck = frames.type_check(context, value.result.rows)
        return checked

    return dg.DagsterType(
        type_check_fn=check, name=name + "_write", description=table_contracts()[table].comment
    )
