"""The ledger of scans: rows of scans.history are appended here, each once."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd


class Tables(Protocol):
    """What is needed of a warehouse."""

    def read(self, sql: str, params: Mapping[str, object] | None = None) -> pd.DataFrame:
        """Return a query's rows."""

    def append(self, table: str, frame: pd.DataFrame) -> None:
        """Add rows to a table."""


def record_scans(warehouse: Tables, rows: Sequence[Mapping[str, Any]]) -> int:
    """Append rows of `scan_row` to scans.history; return how many were new.

    A scan that is there already stays as it is.
    """
    if not rows:
        return 0
    frame = pd.DataFrame(rows).drop_duplicates("scan_id")
    known = warehouse.read(
        "select scan_id from scans.history where scan_id in (select unnest($ids))",
        {"ids": frame["scan_id"].tolist()},
    )["scan_id"]
    new = frame[~frame["scan_id"].isin(known)]
    if len(new):
        warehouse.append("scans.history", new)
    return len(new)
