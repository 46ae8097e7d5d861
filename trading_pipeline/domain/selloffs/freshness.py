"""Freshness: which minutes have come, and so which falls may be spoken of and which are withheld.

Times are arguments: a live scan hands in the clock, a replay the close of its newest bar.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.contracts.selloffs_config import ScanConfig

MINUTE = pd.Timedelta(minutes=1)
NEW_YORK = "America/New_York"
CLEAN = "clean"
# What the collection's word for the bars before a fall says to a person.
QUALITIES = {
    "late_open": "late open: the session's first bar came late",
    "after_halt": "after a halt: no bar for minutes before the fall",
    "lone_tick": "lone tick: the low stands far from every other price",
}


class Coverage:
    """Regular minutes of one session by symbol: those that came."""

    def __init__(self, opens_at: pd.Timestamp, closes_at: pd.Timestamp, config: ScanConfig) -> None:
        self.opens_at = opens_at
        self.closes_at = closes_at
        self.config = config
        self.newest_close: pd.Timestamp | None = None
        self._columns: dict[str, int] = {}
        self._n_minutes = int((closes_at - opens_at) / MINUTE)
        self._seen = np.zeros((self._n_minutes, 0), dtype="bool")

    @property
    def n_symbols(self) -> int:
        """How many symbols have sent a bar."""
        return len(self._columns)

    def unseen(self, minutes: pd.DataFrame) -> pd.DataFrame:
        """Return the regular bars that have not come before; the first word of a bar stands."""
        inside = (minutes["opens_at"] >= self.opens_at) & (minutes["opens_at"] < self.closes_at)
        fresh = minutes[inside].drop_duplicates(["symbol", "opens_at"])
        if fresh.empty:
            return fresh
        places, columns = self._places(fresh), self._own_columns(fresh["symbol"])
        return fresh[~self._seen[places, columns]]

    def note(self, minutes: pd.DataFrame) -> None:
        """Remember bars that `unseen` returned."""
        if minutes.empty:
            return
        self._seen[self._places(minutes), self._own_columns(minutes["symbol"])] = True
        newest = minutes["closes_at"].max()
        if self.newest_close is None or newest > self.newest_close:
            self.newest_close = newest

    def stale_since(self, now: pd.Timestamp) -> pd.Timestamp | None:
        """Return the close of the newest bar where it lies too far back in an open session."""
        if now <= self.opens_at:
            return None
        newest = self.newest_close if self.newest_close is not None else self.opens_at
        # After the close nothing new is due.
        due = min(now, self.closes_at + MINUTE)
        age = (due - newest).total_seconds()
        return newest if age > self.config.stale_after_seconds else None

    def reasons(self, falls: pd.DataFrame, now: pd.Timestamp) -> list[str]:
        """Return why each fall is withheld, empty where it is not; all reasons of a fall count."""
        if falls.empty:
            return []
        columns = self._own_columns(falls["symbol"])
        facts = zip(falls["detected_at"], falls["quality"], columns, strict=True)
        return ["; ".join(self._reasons(at, str(word), column, now)) for at, word, column in facts]

    def _reasons(
        self, detected_at: pd.Timestamp, quality: str, column: int, now: pd.Timestamp
    ) -> list[str]:
        found = []
        if quality != CLEAN:
            found.append(QUALITIES.get(quality, quality))
        late = (now - detected_at).total_seconds()
        if late > self.config.stale_after_seconds:
            found.append(f"late: its bar had closed {late:.0f} s before it came")
        last = int((detected_at - self.opens_at) / MINUTE)
        window = self._seen[max(0, last - self.config.gap_minutes) : last]
        holes = np.flatnonzero(~window.any(axis=1))
        if holes.size:
            first = self.opens_at + (last - len(window) + int(holes[0])) * MINUTE
            found.append(
                f"market gap: {holes.size} of the last {len(window)} minutes have no bar of any"
                f" symbol, from {first.tz_convert(NEW_YORK):%H:%M}"
            )
        missing = int((~window[:, column]).sum()) - holes.size
        if missing > self.config.max_missing_minutes:
            found.append(f"gap: {missing} of its last {len(window)} minutes are missing")
        return found

    def _places(self, minutes: pd.DataFrame) -> Sequence[int]:
        since = (minutes["opens_at"] - self.opens_at) // MINUTE
        return since.to_numpy("int64")  # type: ignore[return-value]

    def _own_columns(self, symbols: pd.Series) -> list[int]:
        known = len(self._columns)
        found = [self._columns.setdefault(str(symbol), len(self._columns)) for symbol in symbols]
        if len(self._columns) > known:
            more = np.zeros((self._n_minutes, len(self._columns) - known), dtype="bool")
            self._seen = np.hstack([self._seen, more])
        return found
