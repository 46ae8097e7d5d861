"""Where the lake's files lie, and which of them readers see.

A partition is `lake/<stage>/<table>/<partition>/data.parquet`. A new version is first written
beside it as `next-<hash>.parquet`; the commit of its row in `provenance.partitions` is what makes
it visible; then it takes the place of `data.parquet`. A process killed between the two leaves a
pending file that readers follow by its hash and the next writer settles, so that a table is old
or new as a whole.
"""

import os
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from trading_pipeline.adapters.columns import table_columns
from trading_pipeline.adapters.database import identifier, quoted
from trading_pipeline.contracts.vocabulary import LAKE_TABLES

LAKE_FOLDER = "lake"
_PENDING = "next-*.parquet"


@dataclass(frozen=True, slots=True)
class Partition:
    """One row of `provenance.partitions`; `path` is relative to the home."""

    asset: str
    partition: str
    path: str
    content_hash: str

    def pending(self, home: Path) -> Path:
        """Return where a committed file waits until it takes its place."""
        return (home / self.path).with_name(f"next-{self.content_hash}.parquet")

    def file(self, home: Path) -> Path:
        """Return the file that holds the committed rows."""
        pending = self.pending(home)
        return pending if pending.exists() else home / self.path


def partition_path(table: str, partition: str) -> str:
    """Return a partition's path relative to the home."""
    stage, _, name = table.partition(".")
    return f"{LAKE_FOLDER}/{stage}/{name}/{partition}/data.parquet"


def committed_partitions(
    connection: duckdb.DuckDBPyConnection, table: str | None = None
) -> list[Partition]:
    """Return the ledger's partitions, of one table or of all, in order."""
    rows = connection.execute(
        "select asset, partition, path, content_hash from warehouse.provenance.partitions"
        " where $table is null or asset = $table order by asset, partition",
        {"table": table},
    ).fetchall()
    return [Partition(*row) for row in rows]


def lake_view(
    connection: duckdb.DuckDBPyConnection, home: Path, table: str, partitions: Iterable[Partition]
) -> str:
    """Return the select of a lake table: its typed columns, then what else its files hold."""
    source = f"from warehouse.{identifier(table)}"
    files = [file for file in (partition.file(home) for partition in partitions) if file.exists()]
    if not files:
        return source
    listed = ", ".join(quoted(str(file)) for file in files)
    scan = f"read_parquet([{listed}], hive_partitioning = false)"
    stored = {str(row[0]) for row in connection.execute(f"describe from {scan}").fetchall()}
    if all(column.name in stored for column in table_columns(connection, table)):
        return f"from {scan}"
    # A migration added a column after the files were written: it reads as missing.
    return f"({source}) union all by name (from {scan})"


def pending_files(home: Path) -> list[Path]:
    """Return files that wait to take their place, and leftovers of killed writers."""
    return sorted((home / LAKE_FOLDER).glob(f"*/*/*/{_PENDING}"))


def settle(home: Path, partitions: Iterable[Partition], table: str | None = None) -> None:
    """Put committed files in their place; remove all others of the table, or of the lake.

    The caller holds the write lock, so no reader is looking.
    """
    expected: set[Path] = set()
    for partition in partitions:
        final = home / partition.path
        expected.add(final)
        pending = partition.pending(home)
        if pending.exists():
            os.replace(pending, final)
            sync_folder(final.parent)
    for name in [table] if table else LAKE_TABLES:
        stage, _, leaf = name.partition(".")
        for file in (home / LAKE_FOLDER / stage / leaf).glob("*/*"):
            if file not in expected and not _is_being_written(file):
                file.unlink()
                if not any(file.parent.iterdir()):
                    file.parent.rmdir()


def draft_path(final: Path) -> Path:
    """Return a name for a file in the making, of this process, beside its final place."""
    return final.with_name(f"draft-{os.getpid()}-{uuid.uuid4().hex[:8]}.tmp")


def is_running(pid: str) -> bool:
    """Return whether a process with this id runs on this machine."""
    return Path(f"/proc/{pid}").exists()


def _is_being_written(file: Path) -> bool:
    parts = file.name.split("-")
    return parts[0] == "draft" and parts[1] != str(os.getpid()) and is_running(parts[1])


def sync_file(path: Path) -> None:
    """Force a file's bytes to the disk."""
    with path.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Force a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
