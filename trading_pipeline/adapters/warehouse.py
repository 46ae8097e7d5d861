"""The warehouse: every table of the home behind one SQL namespace.

A connection is opened for one read or one transaction and closed; it is never held while
something is computed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile

import duckdb
import pandas as pd
import pyarrow as pa

from trading_pipeline.adapters import migrations
from trading_pipeline.adapters.columns import (
    Column,
    bound,
    frame_of,
    rows_of_arrow,
    rows_of_frame,
    table_columns,
    without_provenance,
)
from trading_pipeline.adapters.database import (
    Limits,
    attach_file,
    identifier,
    open_engine,
    turn_at,
)
from trading_pipeline.adapters.fingerprints import partitions_hash, relation_hash
from trading_pipeline.adapters.newest_writes import NewestWrites
from trading_pipeline.adapters.partitions import (
    committed_partitions,
    lake_view,
    pending_files,
    settle,
)
from trading_pipeline.adapters.sql_files import migration_files
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.provenance import Materialization, Provenance
from trading_pipeline.contracts.vocabulary import LAKE_TABLES, PROVENANCE_COLUMNS


class Warehouse:
    """The tables of one home; safe to share between threads, which take turns."""

    def __init__(
        self,
        home: Path,
        *,
        lock_wait_seconds: float = 60.0,
        threads: int = 2,
        memory_gb: float = 4.0,
    ) -> None:
        self.home = Path(home).resolve()
        self.path = self.home / "warehouse.duckdb"
        self.limits = Limits(lock_wait_seconds, threads, memory_gb)
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._shown: tuple[object, ...] = ()
        self._newest = NewestWrites(self.path, self.limits.lock_wait_seconds, self.catalog)

    def migrate(self) -> int:
        """Create the warehouse or bring it forward; return the number of its schema.

        Opens for writing only where something is to be done. An older file is backed up first
        as `warehouse.duckdb.backup-NNNN`, NNNN being its schema.

        Raises:
            NewerWarehouseError: A newer program made it; the file is left as it is.
            InputError: The home cannot be written, or a migration was changed.
        """
        files = migration_files()
        self._prepare_home()
        with turn_at(self.path, self.limits.lock_wait_seconds) as turn:
            if turn.connection is not None:
                raise RuntimeError("a migration cannot start inside a reader or a writer")
            if not self.path.exists():
                migrations.create_file(self.home, self.path, files, self.limits)
            with self._attached(read_only=True) as connection:
                applied = migrations.applied_migrations(connection)
            if migrations.pending_migrations(self.path, applied, files):
                migrations.migrate_file(self.home, self.path, files, self.limits)
                self._columns.clear()
        if pending_files(self.home):
            with self.writer() as connection:
                settle(self.home, committed_partitions(connection))
        return max((file.number for file in files), default=0)

    @contextmanager
    def reader(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for reading: one view per table, named `stage.table`, those of the lake included.

        A reader inside a reader of the same thread shares the open file.

        Raises:
            WarehouseBusyError: Another process kept the file; the message names it.
            InputError: There is no warehouse, or it cannot be opened.
        """
        with turn_at(self.path, self.limits.lock_wait_seconds) as turn:
            if turn.is_writing:
                raise RuntimeError("a reader cannot open inside a writer; use the writer's tables")
            if turn.connection is not None:
                with closing(turn.connection.cursor()) as cursor:
                    cursor.execute("use pipeline")
                    yield cursor
                return
            with self._attached(read_only=True) as connection:
                self._make_views(connection)
                turn.connection = connection
                try:
                    yield connection
                finally:
                    turn.connection = None

    @contextmanager
    def writer(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for one transaction on the warehouse's own tables; an error rolls it back.

        Raises WarehouseBusyError and InputError as `reader` does.
        """
        with self.exclusive() as connection, transaction(connection):
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for writing, outside a transaction: no one else has the file meanwhile."""
        with turn_at(self.path, self.limits.lock_wait_seconds) as turn:
            if turn.connection is not None:
                raise RuntimeError("a writer cannot open inside a reader or another writer")
            with self._attached(read_only=False) as connection:
                connection.execute("use warehouse")
                turn.connection, turn.is_writing = connection, True
                try:
                    yield connection
                finally:
                    turn.connection, turn.is_writing = None, False

    def read(self, sql: str, params: Mapping[str, object] | None = None) -> pd.DataFrame:
        """Return a query's rows.

        Dates come as naive datetime64[ns], instants as datetime64[ns, UTC], whole numbers as
        int64 (float64 with NaN where some are missing), text as objects.
        """
        with self.reader() as connection:
            connection.execute(sql, bound(params))
            return frame_of(connection)

    def columns(self, table: str) -> tuple[Column, ...]:
        """Return the columns of a table as its migration declares them."""
        if table not in self._columns:
            with self.catalog() as connection:
                self._columns[table] = table_columns(connection, table)
        return self._columns[table]

    def replace(
        self,
        table: str,
        frame: pd.DataFrame,
        provenance: Provenance,
        *,
        where: str = "",
        params: Mapping[str, object] | None = None,
    ) -> str:
        """Put a frame in place of all rows, or of those `where` names; return the content hash.

        One transaction holds the delete, the insert and the ledger row. The frame has the
        table's columns without the four of provenance, in any order; NaN and NaT become NULL.

        Raises ValueError for a missing or extra column and for values the table cannot hold.
        """
        rows = rows_of_frame(frame, table, self._own_columns(table))
        return self._store(table, rows, provenance, where, params)

    def replace_from_sql(
        self,
        table: str,
        select_sql: str,
        params: Mapping[str, object] | None,
        provenance: Provenance,
    ) -> str:
        """Put a query's rows in place of all rows of a table; as `replace`, without pandas."""
        columns = self._own_columns(table)
        with self.reader() as connection:
            rows = connection.sql(select_sql, params=bound(params)).to_arrow_table()
        return self._store(table, rows_of_arrow(rows, table, columns), provenance, "", None)

    def append(self, table: str, frame: pd.DataFrame) -> None:
        """Add rows to a table that is only ever added to; the frame has all its columns.

        Raises ValueError as `replace` does, and where a row's key is already there.
        """
        rows = rows_of_frame(frame, table, self.columns(table))
        with self.writer() as connection:
            connection.register("incoming_rows", rows)
            try:
                connection.execute(f"insert into {identifier(table)} by name from incoming_rows")
            except duckdb.ConstraintException as error:
                raise ValueError(f"{table} refuses the rows: {error}") from None

    def content_hash(
        self,
        table: str,
        *,
        where: str = "",
        params: Mapping[str, object] | None = None,
        columns: Sequence[str] | None = None,
        with_provenance: bool = False,
    ) -> str:
        """Return the hash of a table's rows, whatever their order; see `fingerprints`.

        A whole lake table is hashed from the ledger of its partitions alone.
        """
        if table in LAKE_TABLES and not where and columns is None and not with_provenance:
            with self.catalog() as connection:
                listed = committed_partitions(connection, table)
            return partitions_hash((item.partition, item.content_hash) for item in listed)
        with self.reader() as connection:
            return relation_hash(
                connection,
                identifier(table),
                where=where,
                params=bound(params),
                columns=columns,
                with_provenance=with_provenance,
            )[0]

    def latest_materialization(self, asset: str) -> Materialization | None:
        """Return the newest write of a table, or None where it was never written."""
        return self._newest.writes().get(asset)

    def materializations(self) -> dict[str, Materialization]:
        """Return the newest write of every table by its name."""
        return dict(self._newest.writes())

    def _store(
        self,
        table: str,
        rows: pa.Table,
        provenance: Provenance,
        where: str,
        params: Mapping[str, object] | None,
    ) -> str:
        target = identifier(table)
        stamps = {name: getattr(provenance, name) for name in PROVENANCE_COLUMNS}
        constants = ", ".join(f"${name} as {name}" for name in PROVENANCE_COLUMNS)
        with self.writer() as connection:
            condition = f" where {where}" if where else ""
            connection.execute(f"delete from {target}{condition}", bound(params))
            connection.register("incoming_rows", rows)
            connection.execute(
                f"insert into {target} by name select *, {constants} from incoming_rows", stamps
            )
            content_hash, n_rows = relation_hash(connection, target)
            record_write(connection, table, provenance, content_hash, n_rows)
        return content_hash

    def _own_columns(self, table: str) -> tuple[Column, ...]:
        if table in LAKE_TABLES:
            raise ValueError(f"the rows of {table} live in the lake; write them through Lake")
        return without_provenance(table, self.columns(table))

    @contextmanager
    def catalog(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open for the tables of the file alone: no views are made, so it takes milliseconds."""
        with turn_at(self.path, self.limits.lock_wait_seconds) as turn:
            if turn.connection is not None:
                with closing(turn.connection.cursor()) as cursor:
                    yield cursor
                return
            with self._attached(read_only=True) as connection:
                yield connection

    @contextmanager
    def _attached(self, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
        if not self.path.exists():
            raise InputError(
                f"{self.path} does not exist; run `trading-pipeline migrate` to create it"
            )
        if read_only:
            with self._reading_engine() as connection:
                yield connection
            return
        with closing(open_engine(self.home, self.limits)) as connection:
            self._attach(connection, read_only=False)
            yield connection

    @contextmanager
    def _reading_engine(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Attach the file to the engine kept from the last reader: only the engine outlives it.

        Starting an engine and making its views takes longer than most queries. After an error
        the engine is thrown away, and with it whatever the error left open.
        """
        connection = self._engine
        if connection is None:
            connection, self._shown = open_engine(self.home, self.limits), ()
        self._engine = None
        try:
            self._attach(connection, read_only=True)
            yield connection
            connection.execute("detach warehouse")
        except BaseException:
            connection.close()
            raise
        self._engine = connection

    def _attach(self, connection: duckdb.DuckDBPyConnection, *, read_only: bool) -> None:
        wait = self.limits.lock_wait_seconds
        attach_file(connection, self.path, read_only=read_only, wait_seconds=wait)

    def _make_views(self, connection: duckdb.DuckDBPyConnection) -> None:
        listed = committed_partitions(connection)
        files = [item.file(self.home) for item in listed]
        schema = max(migrations.applied_migrations(connection), default=0)
        shown = (schema, *listed, *files, *(file.exists() for file in files))
        if shown == self._shown:
            return
        tables = connection.execute(
            "select schema_name, schema_name || '.' || table_name from duckdb_tables()"
            " where database_name = 'warehouse' order by all"
        ).fetchall()
        statements = [f"create schema if not exists {name}" for name in {row[0] for row in tables}]
        for _, table in tables:
            select = f"from warehouse.{identifier(table)}"
            if table in LAKE_TABLES:
                own = [item for item in listed if item.asset == table]
                select = lake_view(connection, self.home, table, own)
            statements.append(f"create or replace view {identifier(table)} as {select}")
        connection.execute("; ".join(statements))
        self._shown = shown

    def _prepare_home(self) -> None:
        """Raises InputError where files cannot be made in the home."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=self.home):
                pass
        except OSError as error:
            raise InputError(
                f"home {self.home} cannot be written ({error.strerror}); give another with --home"
            ) from None


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done inside, or roll all of it back on an error."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        # A failed commit has already ended the transaction.
        with suppress(duckdb.TransactionException):
            connection.execute("rollback")
        raise


def record_write(
    connection: duckdb.DuckDBPyConnection,
    asset: str,
    provenance: Provenance,
    content_hash: str,
    n_rows: int,
) -> None:
    """Add the ledger row of one write, inside the writer's transaction."""
    connection.execute(
        "insert into provenance.materializations by name select"
        " $asset as asset, $inputs_version as inputs_version, $code_version as code_version,"
        " $config_version as config_version, $content_hash as content_hash, $n_rows as n_rows,"
        " $seconds as seconds, $metadata_json as metadata_json, $run_id as run_id,"
        " $written_at as written_at",
        {
            "asset": asset,
            "inputs_version": provenance.inputs_version,
            "code_version": provenance.code_version,
            "config_version": provenance.config_version,
            "content_hash": content_hash,
            "n_rows": n_rows,
            "seconds": provenance.seconds,
            "metadata_json": provenance.metadata_json,
            "run_id": provenance.run_id,
            "written_at": datetime.now(UTC),
        },
    )
