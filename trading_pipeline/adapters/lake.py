"""Writes the lake: large tables as one Parquet file per month or year.

Rows never stand in memory at once: a query, or one frame after another, is first cut by partition
into a staging folder, then each partition is sorted into its file. A partition whose rows are the
same as before is left alone.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trading_pipeline.adapters.columns import Column, bound, rows_of_frame, without_provenance
from trading_pipeline.adapters.database import identifier, open_engine, quoted
from trading_pipeline.adapters.fingerprints import partitions_hash, relation_hash
from trading_pipeline.adapters.partitions import (
    LAKE_FOLDER,
    Partition,
    committed_partitions,
    draft_path,
    is_running,
    partition_path,
    settle,
    sync_file,
    sync_folder,
)
from trading_pipeline.adapters.warehouse import Warehouse, record_write, transaction
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.contracts.vocabulary import LAKE_TABLES, PROVENANCE_COLUMNS

# Tables with one more column per feature than their migration names.
_WIDE_TABLES = frozenset(("features.daily", "features.intraday", "memory.archive"))
_ORDER = (
    "symbol", "opens_at", "session_date", "interval_minutes", "event", "rung",
    "entry_delay_minutes",
)  # fmt: skip
_CUT = {"month": "%Y-%m", "year": "%Y"}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}


@dataclass(frozen=True, slots=True)
class LakeWrite:
    """What a write left behind: partitions in all, and how many of them were written anew."""

    content_hash: str
    n_rows: int
    n_partitions: int
    n_rewritten: int


@dataclass(frozen=True, slots=True)
class _Staged:
    """One partition of the staging folder, and the file made from it if it is new."""

    row: Partition
    n_rows: int
    n_bytes: int
    file: Path | None


class Lake:
    """The lake's tables of one home."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.home = warehouse.home

    def write_from_sql(
        self,
        table: str,
        select_sql: str,
        params: Mapping[str, object] | None,
        provenance: Provenance,
    ) -> LakeWrite:
        """Put a query's rows in place of a lake table.

        The query runs in the reader's namespace and gives the table's columns without the four
        of provenance, in their types. NaN becomes NULL.

        Raises ValueError, before anything is written, for columns that do not fit the table.
        """
        columns = self._columns(table)
        with self._staging() as folder:
            with self.warehouse.reader() as connection:
                _stage(connection, folder, table, columns, select_sql, params)
            return self._publish(folder, table, provenance)

    def write_frame(self, table: str, frame: pd.DataFrame, provenance: Provenance) -> LakeWrite:
        """Put a frame in place of a lake table; columns and errors as `Warehouse.replace`."""
        return self.write_chunks(table, [frame], provenance)

    def write_chunks(
        self, table: str, chunks: Iterable[pd.DataFrame], provenance: Provenance
    ) -> LakeWrite:
        """Put frames, one after the other, in place of a lake table, as `write_frame`.

        Only one of them stands in memory at a time. Their rows may lie in any partitions; they
        all have the same columns.
        """
        columns = self._columns(table)
        with self._staging() as folder:
            for number, chunk in enumerate(chunks):
                rows = rows_of_frame(chunk, table, columns, allow_more=table in _WIDE_TABLES)
                _stage_rows(folder, table, rows, number)
            return self._publish(folder, table, provenance)

    def _columns(self, table: str) -> tuple[Column, ...]:
        if table not in LAKE_TABLES:
            raise ValueError(f"{table} is no lake table; write it through Warehouse")
        return without_provenance(table, self.warehouse.columns(table))

    def _publish(self, folder: Path, table: str, provenance: Provenance) -> LakeWrite:
        with self.warehouse.catalog() as connection:
            before = {item.partition: item for item in committed_partitions(connection, table)}
        with self._engine() as connection:
            staged = [
                self._prepare(connection, source, table, provenance, before)
                for source in sorted(path for path in folder.iterdir() if path.is_dir())
            ]
        # Readers are kept out until every committed file stands in its place.
        with self.warehouse.exclusive() as connection:
            now = committed_partitions(connection, table)
            content_hash = partitions_hash(
                (item.row.partition, item.row.content_hash) for item in staged
            )
            written = LakeWrite(
                content_hash,
                sum(item.n_rows for item in staged),
                len(staged),
                sum(item.file is not None for item in staged),
            )
            with transaction(connection):
                for item in staged:
                    if item.file is not None:
                        os.replace(item.file, item.row.pending(self.home))
                        sync_folder(item.file.parent)
                _record(connection, table, now, staged)
                record_write(connection, table, provenance, content_hash, written.n_rows)
            settle(self.home, [item.row for item in staged], table)
        return written

    def _prepare(
        self,
        connection: duckdb.DuckDBPyConnection,
        source: Path,
        table: str,
        provenance: Provenance,
        before: Mapping[str, Partition],
    ) -> _Staged:
        """Hash one staged partition, and sort it into a file unless it stands there already."""
        scan = f"read_parquet({quoted(f'{source}/*.parquet')}, hive_partitioning = false)"
        content_hash, n_rows = relation_hash(connection, scan)
        row = Partition(table, source.name, partition_path(table, source.name), content_hash)
        old = before.get(source.name)
        if old is not None and old.content_hash == content_hash and old.file(self.home).exists():
            return _Staged(row, n_rows, 0, None)
        final = self.home / row.path
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_path(final)
        stored = {str(item[0]) for item in connection.execute(f"describe from {scan}").fetchall()}
        order = ", ".join(name for name in _ORDER if name in stored)
        stamps = ", ".join(
            f"{quoted(getattr(provenance, name))} as {name}" for name in PROVENANCE_COLUMNS
        )
        connection.execute(
            f"copy (select *, {stamps} from {scan} order by {order})"
            f" to {quoted(str(draft))} (format parquet, compression zstd)"
        )
        sync_file(draft)
        return _Staged(row, n_rows, draft.stat().st_size, draft)

    @contextmanager
    def _engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with closing(open_engine(self.home, self.warehouse.limits)) as connection:
            yield connection

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        """A folder for one write; folders of killed writers are removed on the way."""
        root = self.home / LAKE_FOLDER / ".staging"
        for left in root.glob("*-*") if root.exists() else ():
            if not is_running(left.name.partition("-")[0]):
                shutil.rmtree(left, ignore_errors=True)
        folder = root / f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _stage(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    table: str,
    columns: tuple[Column, ...],
    select_sql: str,
    params: Mapping[str, object] | None,
) -> None:
    """Cut a query's rows by partition into Parquet files, in the types of the table."""
    select_sql = select_sql.strip().rstrip(";")
    described = connection.execute(f"describe {select_sql}", bound(params)).fetchall()
    given = {str(name): str(kind) for name, kind, *_ in described}
    _check_columns(table, columns, given)
    parts = [f"{_cast(item.name, item.type, given[item.name])}" for item in columns]
    declared = {item.name for item in columns}
    parts += [_cast(name, given[name], given[name]) for name in given if name not in declared]
    level = LAKE_TABLES[table]
    # Hive folders carry the partition; the column itself is not in the files.
    connection.execute(
        f"copy (select {', '.join(parts)}, strftime(session_date, '{_CUT[level]}') as {level}"
        f" from ({select_sql})) to {quoted(str(folder))}"
        f" (format parquet, compression snappy, partition_by ({level}))",
        bound(params),
    )
    _check_missing(connection, folder, table, columns)


def _stage_rows(folder: Path, table: str, rows: pa.Table, number: int) -> None:
    """Cut one chunk by partition into Parquet files of the staging folder."""
    level = LAKE_TABLES[table]
    cut = pc.strftime(rows["session_date"], format=_CUT[level])
    for name in pc.unique(cut).to_pylist():
        partition = folder / f"{level}={name}"
        partition.mkdir(exist_ok=True)
        pq.write_table(
            rows.filter(pc.equal(cut, name)),
            partition / f"{number:06d}.parquet",
            compression="snappy",
            use_dictionary=["symbol"],
            write_statistics=False,
        )


def _check_columns(table: str, columns: tuple[Column, ...], given: Mapping[str, str]) -> None:
    missing = [item.name for item in columns if item.name not in given]
    declared = {item.name for item in columns}
    extra = [name for name in given if name not in declared]
    if missing:
        raise ValueError(f"the rows for {table} lack {', '.join(missing)}")
    if (extra and table not in _WIDE_TABLES) or set(extra) & set(PROVENANCE_COLUMNS):
        raise ValueError(f"the rows for {table} have unknown {', '.join(extra)}")
    for item in columns:
        kind = given[item.name]
        fits = (
            kind in (item.type, '"NULL"')
            or (item.type in _WHOLE and kind in _WHOLE)
            or (item.type == "DOUBLE" and (kind in _WHOLE or kind.startswith(("FLOAT", "DECIMAL"))))
        )
        if not fits:
            raise ValueError(
                f"{table}.{item.name} is {item.type.lower()}, the query gives {kind.lower()};"
                " cast it there"
            )


def _check_missing(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: tuple[Column, ...]
) -> None:
    needed = [item.name for item in columns if not item.is_nullable]
    if not any(folder.iterdir()):
        return
    counts = ", ".join(f"count(*) - count({identifier(name)})" for name in needed)
    scan = f"read_parquet({quoted(f'{folder}/*/*.parquet')}, hive_partitioning = false)"
    found = connection.execute(f"select {counts} from {scan}").fetchone() or ()
    holes = [f"{name} ({n})" for name, n in zip(needed, found, strict=True) if n]
    if holes:
        raise ValueError(f"the rows for {table} have missing values in {', '.join(holes)}")


def _cast(name: str, wanted: str, given: str) -> str:
    column = identifier(name)
    if given in ("DOUBLE", "FLOAT"):
        column = f"nullif({column}, 'nan'::{given})"
    return f"cast({column} as {wanted}) as {identifier(name)}"


def _record(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    before: list[Partition],
    staged: list[_Staged],
) -> None:
    """Make the ledger's rows of a table those of the staged partitions."""
    changed = [item for item in staged if item.file is not None]
    kept = {item.row.partition for item in staged if item.file is None}
    for old in before:
        if old.partition not in kept:
            connection.execute(
                "delete from provenance.partitions where asset = $asset and partition = $partition",
                {"asset": table, "partition": old.partition},
            )
    for item in changed:
        connection.execute(
            "insert into provenance.partitions by name select $asset as asset,"
            " $partition as partition, $path as path, $content_hash as content_hash,"
            " $n_rows as n_rows, $n_bytes as n_bytes, $written_at as written_at",
            {
                "asset": table,
                "partition": item.row.partition,
                "path": item.row.path,
                "content_hash": item.row.content_hash,
                "n_rows": item.n_rows,
                "n_bytes": item.n_bytes,
                "written_at": datetime.now(UTC),
            },
        )
