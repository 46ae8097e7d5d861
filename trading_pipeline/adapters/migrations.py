"""Brings a warehouse file to the schema of this program: numbered steps, forward only."""

import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from trading_pipeline.adapters.database import Limits, attach_file, open_engine
from trading_pipeline.adapters.partitions import sync_file, sync_folder
from trading_pipeline.adapters.sql_files import MigrationFile
from trading_pipeline.contracts.errors import InputError, NewerWarehouseError

_LEDGER = """
create schema if not exists provenance;

create table if not exists provenance.migrations (
    number      integer not null,
    name        varchar not null,
    sha256      varchar not null,
    applied_at  timestamptz not null
);

comment on table provenance.migrations is 'Steps of the schema this file has taken.';
comment on column provenance.migrations.number is 'Order of the step.';
comment on column provenance.migrations.name is 'File name without its ending.';
comment on column provenance.migrations.sha256 is 'Hash of its text; a step never changes.';
comment on column provenance.migrations.applied_at is 'When.';
"""


def applied_migrations(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Return number and hash of each step the attached file has taken."""
    exists = connection.execute(
        "select 1 from duckdb_tables() where database_name = 'warehouse'"
        " and schema_name = 'provenance' and table_name = 'migrations'"
    ).fetchone()
    if exists is None:
        return {}
    rows = connection.execute(
        "select number, sha256 from warehouse.provenance.migrations order by number"
    ).fetchall()
    return dict(rows)


def pending_migrations(
    path: Path, applied: dict[int, str], files: Sequence[MigrationFile]
) -> list[MigrationFile]:
    """Return the steps still to take.

    Raises:
        NewerWarehouseError: The file has taken steps this program does not know.
        InputError: A step it has taken reads differently now.
    """
    known = {file.number: file for file in files}
    newest = max(known, default=0)
    if max(applied, default=0) > newest:
        raise NewerWarehouseError(
            f"{path} was made by a newer version (schema {max(applied)}, this program knows"
            f" {newest}); upgrade the program, or give another --home"
        )
    for number, sha256 in applied.items():
        if number not in known or known[number].sha256 != sha256:
            raise InputError(
                f"migration {number:04d} of {path} differs from the one this program ships;"
                " restore sql/migrations, or give another --home"
            )
    return [file for file in files if file.number not in applied]


def create_file(home: Path, path: Path, files: Sequence[MigrationFile], limits: Limits) -> None:
    """Make a new warehouse beside its place and put it there whole.

    Another process that is first wins; its file is kept.
    """
    draft = path.with_name(f"{path.name}.new-{os.getpid()}")
    draft.unlink(missing_ok=True)
    connection = open_engine(home, limits)
    try:
        attach_file(connection, draft, read_only=False, wait_seconds=0)
        _apply(connection, files)
        connection.execute("checkpoint warehouse")
    finally:
        connection.close()
    try:
        sync_file(draft)
        os.link(draft, path)
        sync_folder(path.parent)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def migrate_file(home: Path, path: Path, files: Sequence[MigrationFile], limits: Limits) -> None:
    """Take the steps an existing file lacks, each in one transaction, after a backup."""
    # Closing any handle on the file drops this process's lock on it: this one closes last.
    with path.open("rb") as original:
        connection = open_engine(home, limits)
        try:
            attach_file(connection, path, read_only=False, wait_seconds=limits.lock_wait_seconds)
            applied = applied_migrations(connection)
            pending = pending_migrations(path, applied, files)
            if pending:
                connection.execute("checkpoint warehouse")
                backup = path.with_name(f"{path.name}.backup-{max(applied, default=0):04d}")
                draft = backup.with_name(f"{backup.name}.new")
                with draft.open("wb") as copy:
                    shutil.copyfileobj(original, copy, length=1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
                os.replace(draft, backup)
                sync_folder(backup.parent)
                _apply(connection, pending)
        finally:
            connection.close()


def _apply(connection: duckdb.DuckDBPyConnection, files: Sequence[MigrationFile]) -> None:
    connection.execute("use warehouse")
    for file in files:
        connection.execute("begin")
        try:
            connection.execute(_LEDGER)
            connection.execute(file.sql)
            connection.execute(
                "insert into provenance.migrations values ($number, $name, $sha256, $now)",
                {
                    "number": file.number,
                    "name": file.name,
                    "sha256": file.sha256,
                    "now": datetime.now(UTC),
                },
            )
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise
