"""Bars as columns for fused kernels: relative prices, shares, and their runs of present bars."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Runs = NDArray[np.int32]

OPEN, HIGH, LOW, CLOSE, VWAP, VOLUME = range(6)
N_COLUMNS = 6
# Runs are counted for the open, for high and low together, for the close, and for the volume.
OPEN_RUN, RANGE_RUN, CLOSE_RUN, VOLUME_RUN = range(4)
N_RUNS = 4


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """Bars by symbol and session, cut into segments at listings and vendor seams.

    `values` is (6, n_rows): open, high, low, close and vwap over the first close of the segment,
    and volume in shares of the segment's first bar (comparable across splits). `runs` is
    (4, n_rows): bars in a row, up to this one and within the segment, that have the value.
    `scale` is (2, n_rows): the first close x factor and the first factor of the segment.
    """

    symbols: NDArray[np.object_]
    code: Rows
    session: Rows
    values: Values
    runs: Runs
    scale: Values

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.code)

    def tail(self, n_rows: int) -> "BarColumns":
        """Return the last rows of each symbol, at most `n_rows`."""
        ends = np.append(np.flatnonzero(np.diff(self.code)) + 1, self.size)
        left = np.repeat(ends, np.diff(np.append(0, ends))) - np.arange(self.size)
        return self.taken(np.flatnonzero(left <= n_rows))

    def taken(self, rows: Rows) -> "BarColumns":
        """Return some rows."""
        return BarColumns(
            self.symbols,
            self.code[rows],
            self.session[rows],
            np.ascontiguousarray(self.values[:, rows]),
            np.ascontiguousarray(self.runs[:, rows]),
            np.ascontiguousarray(self.scale[:, rows]),
        )


def bar_columns(bars: pd.DataFrame, tail: BarColumns | None = None) -> BarColumns:
    """Return the columns of bars.daily rows, in any order.

    Args:
        bars: symbol, session, open, high, low, close, volume, adj_factor, prices and
            has_vendor_seam; `vwap` where the vendor has one. Missing is NaN.
        tail: The last rows of the history that `bars` go on, on the same scale of adj_factor; a
            symbol that is not in it is newly listed. None: every symbol is.

    Raises:
        ValueError: A symbol's session twice, or one that is not after the tail.
    """
    bars, codes, names = _sorted(bars)
    session = bars["session"].to_numpy("int64")
    listed = np.ones(len(bars), dtype=bool)
    listed[1:] = codes[1:] != codes[:-1]
    if (~listed[1:] & (session[1:] == session[:-1])).any():
        raise ValueError("bars hold a symbol's session twice; clean them before features")
    is_first = listed | bars["has_vendor_seam"].to_numpy(bool)
    before = np.full(len(bars), -1, dtype="int64")
    if tail is not None:
        before = _rows_before(names[codes], session, listed, tail)
        is_first &= before < 0
        is_first |= bars["has_vendor_seam"].to_numpy(bool)
    factor = bars["adj_factor"].to_numpy("float64")
    closes = bars["close"].to_numpy("float64") * factor
    scale = np.empty((2, len(bars)))
    starts = is_first | listed
    segment = np.cumsum(starts) - 1
    goes_on = starts & ~is_first
    for row, first in enumerate((closes, factor)):
        own = first[starts]
        if tail is not None:
            own = np.where(goes_on[starts], tail.scale[row][before[starts]], own)
        scale[row] = own[segment]
    values = np.empty((N_COLUMNS, len(bars)))
    for row, name in enumerate(("open", "high", "low", "close")):
        np.multiply(bars[name].to_numpy("float64"), factor, out=values[row])
        values[row] /= scale[0]
    values[VWAP] = (values[HIGH] + values[LOW] + values[CLOSE]) / 3.0
    if "vwap" in bars:
        given = bars["vwap"].to_numpy("float64") * factor / scale[0]
        values[VWAP] = np.where(np.isnan(given), values[VWAP], given)
    # Vendors that adjust prices adjust volume with them; raw volume jumps at a split.
    shares = bars["volume"].to_numpy("float64")
    raw = (bars["prices"] == "raw").to_numpy()
    values[VOLUME] = np.where(raw, shares * (scale[1] / factor), shares)
    carried = np.zeros((N_RUNS, len(bars)), dtype="int32")
    if tail is not None:
        carried[:, goes_on] = tail.runs[:, before[goes_on]]
    return BarColumns(names, codes, session, values, present_runs(values, starts, carried), scale)


def _sorted(bars: pd.DataFrame) -> tuple[pd.DataFrame, Rows, NDArray[np.object_]]:
    codes, names = pd.factorize(bars["symbol"], sort=True)
    ordinals = bars["session"].to_numpy("int64")
    rises = np.diff(codes)
    if not ((rises > 0) | ((rises == 0) & (np.diff(ordinals) >= 0))).all():
        order = np.lexsort((ordinals, codes))
        bars, codes = bars.iloc[order], codes[order]
    return bars, codes.astype("int64"), np.asarray(names, dtype=object)


def _rows_before(
    symbols: NDArray[np.object_], session: Rows, listed: Flags, tail: BarColumns
) -> Rows:
    """Return, for each symbol's first new row, the tail's last row of the symbol, else -1."""
    ends = np.append(np.flatnonzero(np.diff(tail.code)), tail.size - 1)
    held = pd.Index(tail.symbols[tail.code[ends]])
    found = held.get_indexer(pd.Index(symbols[listed]))
    last = np.where(found >= 0, ends[found], -1)
    if (session[listed][found >= 0] <= tail.session[last[found >= 0]]).any():
        raise ValueError("new bars must lie after the history they are appended to")
    before = np.full(len(symbols), -1, dtype="int64")
    before[listed] = last
    return before


@njit(cache=True, nogil=True)
def present_runs(values: Values, starts: Flags, carried: Runs) -> Runs:
    """Return BarColumns.runs of `values`; a row in `starts` goes on from `carried`."""
    runs = np.zeros((N_RUNS, starts.size), dtype=np.int32)
    for run in range(N_RUNS):
        name, other = OPEN, OPEN
        if run == RANGE_RUN:
            name, other = HIGH, LOW
        elif run == CLOSE_RUN:
            name, other = CLOSE, CLOSE
        elif run == VOLUME_RUN:
            name, other = VOLUME, VOLUME
        for row in range(starts.size):
            if not (np.isnan(values[name, row]) or np.isnan(values[other, row])):
                before = carried[run, row] if starts[row] else runs[run, row - 1]
                runs[run, row] = before + 1
    return runs
