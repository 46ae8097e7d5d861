"""The newest write of every table, remembered for as long as the warehouse's file is unchanged."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path

import duckdb

from trading_pipeline.adapters.database import turn_at
from trading_pipeline.contracts.provenance import Materialization

_FIELDS = ", ".join(field.name for field in fields(Materialization))
_NEWEST = (
    f"select {_FIELDS} from warehouse.provenance.materializations qualify row_number() over"
    " (partition by asset order by written_at desc, rowid desc) = 1 order by asset"
)


class NewestWrites:
    """Reads the ledger of one warehouse; a run in which nothing changed asks hundreds of times."""

    def __init__(
        self,
        path: Path,
        wait_seconds: float,
        catalog: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    ) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._catalog = catalog
        self._writes: dict[str, Materialization] = {}
        self._stamp: tuple[int, ...] | None = None

    def writes(self) -> dict[str, Materialization]:
        """Return the newest write by table."""
        stamp = self._stamp_of_file()
        if stamp is None or stamp != self._stamp:
            with self._catalog() as connection:
                rows = connection.execute(_NEWEST).fetchall()
            # Read after the stamp was taken: at worst, a newer answer is asked for once more.
            self._writes = {row[0]: Materialization(*row) for row in rows}
            self._stamp = stamp
        return self._writes

    def _stamp_of_file(self) -> tuple[int, ...] | None:
        """Return what changes with every write; None while this thread has the file open."""
        with turn_at(self._path, self._wait_seconds) as turn:
            if turn.connection is not None:
                return None
            # DuckDB keeps beside the file what is not in it yet.
            files = (self._path, self._path.with_name(self._path.name + ".wal"))
            stats = [path.stat() for path in files if path.exists()]
        return tuple(number for stat in stats for number in (stat.st_mtime_ns, stat.st_size))
