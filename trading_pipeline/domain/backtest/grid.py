"""Daily bars as arrays of sessions by symbols, so that a book can be filled and marked at once."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """Bars of shape (n_sessions, n_symbols); NaN or False where a symbol has no bar.

    `factor` makes prices comparable across splits and dividends; `is_raw` says that a price is
    the one that was traded; `has_seam` that it cannot be compared with the bar before.
    """

    sessions: NDArray[np.int64]
    dates: pd.DatetimeIndex
    symbols: pd.Index
    open: Floats
    close: Floats
    volume: Floats
    factor: Floats
    is_raw: NDArray[np.bool_]
    has_seam: NDArray[np.bool_]

    @property
    def has_bar(self) -> NDArray[np.bool_]:
        """Return where a symbol has a bar."""
        return np.isfinite(self.close)

    def marks(self) -> Floats:
        """Return comparable closes, carried over sessions without a bar; NaN before the first."""
        marks: Floats = pd.DataFrame(self.close * self.factor).ffill().to_numpy()
        return marks

    def previous_bar(self) -> Rows:
        """Return the row of the latest bar up to each session, -1 where there is none."""
        rows = np.where(self.has_bar, np.arange(self.sessions.size)[:, None], -1)
        return np.maximum.accumulate(rows, axis=0)

    def next_seam(self) -> Rows:
        """Return the row of the first seam after each session, n_sessions where there is none."""
        n = self.sessions.size
        rows = np.where(self.has_seam, np.arange(n)[:, None], n)
        from_here = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
        return np.vstack([from_here[1:], np.full((1, from_here.shape[1]), n)])


def price_grid(bars: pd.DataFrame, symbols: pd.Index) -> PriceGrid:
    """Return the bars of `symbols` on every session that any symbol of `bars` traded.

    `bars` holds rows of bars.daily in any order. A symbol without bars is an empty column.
    Raises ValueError where a symbol has two bars in one session.
    """
    calendar = bars[["session", "session_date"]].drop_duplicates("session").sort_values("session")
    sessions = calendar["session"].to_numpy("int64")
    columns = pd.Index(sorted(set(symbols)), dtype=object)
    bars = bars[bars["symbol"].isin(columns)]
    row = np.searchsorted(sessions, bars["session"].to_numpy("int64"))
    column = columns.get_indexer(pd.Index(bars["symbol"]))
    if np.unique(row * columns.size + column).size < len(bars):
        raise ValueError("bars hold two rows for one symbol and session; clean them first")

    def spread(values: NDArray[np.generic], missing: float | bool) -> NDArray[np.generic]:
        grid = np.full((sessions.size, columns.size), missing)
        grid[row, column] = values
        return grid

    prices = {
        name: spread(bars[name].to_numpy("float64"), np.nan)
        for name in ("open", "close", "volume", "adj_factor")
    }
    return PriceGrid(
        sessions=sessions,
        dates=pd.DatetimeIndex(calendar["session_date"]),
        symbols=columns,
        open=prices["open"].astype("float64"),
        close=prices["close"].astype("float64"),
        volume=prices["volume"].astype("float64"),
        factor=prices["adj_factor"].astype("float64"),
        is_raw=spread((bars["prices"] == "raw").to_numpy(), False).astype(bool),
        has_seam=spread(bars["has_vendor_seam"].to_numpy(bool), False).astype(bool),
    )
