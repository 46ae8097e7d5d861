"""Numba kernels of falls: one walk over a session's grid of minutes finds them with features.

All kernels of the walk stand in one module: a cached kernel is not compiled again when one
that it calls changes elsewhere. A grid is (prices, symbols, minutes), NaN where there is no bar.
Everything written at minute m is computed from minutes up to m, in a fixed order, so that a session
seen bar by bar, in pieces or whole gives the same bits.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Prices of a grid.
OPEN, HIGH, LOW, CLOSE, VOLUME, N_PRICES = range(6)
# What is known of a symbol before the session opens.
(
    HIGH_52W, LOW_52W, SMA_20, SMA_50, SMA_200, CLOSE_BEFORE, GOLDEN_CROSS, RETURN_1, RETURN_5,
    ATR, SPREAD_LEVEL, N_LEVELS,
) = range(12)  # fmt: skip
# Whole numbers of an event.
SYMBOL, MINUTE, RUNG, QUALITY, N_MISSING, N_KEYS = range(6)
CLEAN, LATE_OPEN, AFTER_HALT, LONE_TICK = range(4)
# Numbers of an event: its bar first, then its features.
(
    SESSION_OPEN, BAR_LOW, BAR_CLOSE, BAR_VOLUME, HIGH_52W_DISTANCE, LOW_52W_DISTANCE,
    PLACE_IN_52W, SMA_20_DISTANCE, SMA_50_DISTANCE, SMA_200_DISTANCE, ABOVE_SMA_200, HAS_CROSS,
    INDEX_CHANGE, GAP, PRIOR_RETURN, RETURN_5D, ATR_FRAC, VOLUME_RATIO, BAR_VOLUME_RATIO,
    FALL_PER_MINUTE, CHANGE_5M, CHANGE_15M, FROM_HIGH, VWAP_DISTANCE, REALISED, BAR_PLACE,
    DOWN_MINUTES, SECTOR_CHANGE, BREADTH, SELLOFF_SHARE, MEAN_SPREAD, HALF_SPREAD, STOP_DISTANCE,
    TARGET_DISTANCE, REWARD_TO_RISK, N_NUMBERS,
) = range(36)  # fmt: skip
# Sessions with volume that a curve needs before it is a measure.
MIN_CURVE_SESSIONS = 5

_kernel = njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def fill_grids(
    grids: Values,
    session: Whole,
    symbol: Whole,
    minute: Whole,
    opens: Values,
    highs: Values,
    lows: Values,
    closes: Values,
    volumes: Values,
) -> None:
    """Put bars at their place in (sessions, N_PRICES, symbols, minutes).

    A place below zero, or a minute outside the grid, is left out.
    """
    for i in range(symbol.size):
        s, n, m = session[i], symbol[i], minute[i]
        if s >= 0 and n >= 0 and 0 <= m < grids.shape[3]:
            grid = grids[s]
            grid[OPEN, n, m] = opens[i]
            grid[HIGH, n, m] = highs[i]
            grid[LOW, n, m] = lows[i]
            grid[CLOSE, n, m] = closes[i]
            grid[VOLUME, n, m] = volumes[i]


@_kernel
def cumulate_volume(grid: Values, n_minutes: int, curve: Values) -> None:
    """Write each symbol's volume up to each minute; NaN where it has none, and after the close."""
    curve[:] = np.nan
    for n in range(grid.shape[1]):
        total, has_volume = 0.0, False
        for m in range(n_minutes):
            if grid[VOLUME, n, m] >= 0.0:
                total += grid[VOLUME, n, m]
                has_volume = True
            curve[n, m] = total
        if not has_volume:
            curve[n, :n_minutes] = np.nan


@_kernel
def _usual_volume(curves: Values, session: int, n: int, m: int) -> float:
    """Return the mean volume up to minute m of the sessions before, oldest first."""
    size = curves.shape[0]
    total, count = 0.0, 0
    for back in range(size, 0, -1):
        value = curves[(session - back) % size, n, m]
        if value >= 0.0:
            total += value
            count += 1
    return total / count if count >= min(MIN_CURVE_SESSIONS, size) and total > 0.0 else np.nan


@_kernel
def _quality(
    grid: Values, n: int, m: int, first: int, late_open: int, halt: int, lone_tick: float
) -> int:
    """Return what the bars until minute m allow to believe of a fall there."""
    if first > late_open:
        return LATE_OPEN
    before = m - 1
    while before >= 0 and np.isnan(grid[CLOSE, n, before]):
        before -= 1
    if before >= 0 and m - before - 1 >= halt:
        return AFTER_HALT
    body = min(grid[OPEN, n, m], grid[CLOSE, n, m])
    if (body - grid[LOW, n, m]) / body > lone_tick:
        return LONE_TICK
    return CLEAN


@_kernel
def _close_at(grid: Values, n: int, m: int) -> float:
    """Return the newest close at or before minute m; NaN where there is none."""
    while m >= 0:
        if not np.isnan(grid[CLOSE, n, m]):
            return float(grid[CLOSE, n, m])
        m -= 1
    return np.nan


@_kernel
def _add_path(grid: Values, n: int, m: int, out: Values) -> None:
    """Write the features of the symbol's own minutes up to minute m."""
    n_bars, n_down, at_high = 0, 0, 0
    high, before = -np.inf, np.nan
    squares, volume, traded = 0.0, 0.0, 0.0
    n_volumes = 0
    for i in range(m + 1):
        close = grid[CLOSE, n, i]
        if np.isnan(close):
            continue
        if n_bars == 0:
            before = grid[OPEN, n, i]
        n_bars += 1
        n_down += close < before
        change = np.log(close / before)
        squares += change * change
        before = close
        if grid[HIGH, n, i] > high:
            high, at_high = grid[HIGH, n, i], i
        if grid[VOLUME, n, i] >= 0.0:
            typical = (grid[HIGH, n, i] + grid[LOW, n, i] + close) / 3.0
            volume += grid[VOLUME, n, i]
            traded += grid[VOLUME, n, i] * typical
            n_volumes += 1
    close, low = grid[CLOSE, n, m], grid[LOW, n, m]
    out[FROM_HIGH] = m - at_high
    out[FALL_PER_MINUTE] = (high - low) / high / max(m - at_high, 1)
    out[REALISED] = np.sqrt(squares)
    out[DOWN_MINUTES] = n_down / n_bars
    out[CHANGE_5M] = close / _close_at(grid, n, m - 5) - 1.0
    out[CHANGE_15M] = close / _close_at(grid, n, m - 15) - 1.0
    out[VWAP_DISTANCE] = close / (traded / volume) - 1.0 if volume > 0.0 else np.nan
    out[BAR_VOLUME_RATIO] = grid[VOLUME, n, m] / (volume / n_volumes) if volume > 0.0 else np.nan
    spread = grid[HIGH, n, m] - low
    out[BAR_PLACE] = (close - low) / spread if spread > 0.0 else np.nan
    out[VOLUME_RATIO] = volume if n_volumes else np.nan


@_kernel
def _add_levels(levels: Values, session_open: float, close: float, out: Values) -> None:
    """Write the features that rest on daily levels; a missing level is a missing feature."""
    out[HIGH_52W_DISTANCE] = close / levels[HIGH_52W] - 1.0
    out[LOW_52W_DISTANCE] = close / levels[LOW_52W] - 1.0
    width = levels[HIGH_52W] - levels[LOW_52W]
    out[PLACE_IN_52W] = (close - levels[LOW_52W]) / width if width > 0.0 else np.nan
    out[SMA_20_DISTANCE] = close / levels[SMA_20] - 1.0
    out[SMA_50_DISTANCE] = close / levels[SMA_50] - 1.0
    out[SMA_200_DISTANCE] = close / levels[SMA_200] - 1.0
    mean = levels[SMA_200]
    above = 1.0 if close > mean else 0.0
    out[ABOVE_SMA_200] = np.nan if np.isnan(mean) else above
    out[HAS_CROSS] = levels[GOLDEN_CROSS]
    out[GAP] = session_open / levels[CLOSE_BEFORE] - 1.0
    out[PRIOR_RETURN] = levels[RETURN_1]
    out[RETURN_5D] = levels[RETURN_5]
    out[ATR_FRAC] = levels[ATR]


@_kernel
def _add_market(
    n: int, change: Values, has_fallen: Flags, is_equity: Flags, sector: Whole, out: Values
) -> None:
    """Write what the other symbols show; `change` is from their open to their newest close."""
    n_others, n_below, n_fallen, n_sector = 0, 0, 0, 0
    total = 0.0
    for other in range(change.size):
        if other == n or not is_equity[other] or np.isnan(change[other]):
            continue
        n_others += 1
        n_below += change[other] < 0.0
        n_fallen += has_fallen[other]
        if sector[n] >= 0 and sector[other] == sector[n]:
            n_sector += 1
            total += change[other]
    out[BREADTH] = n_below / n_others if n_others else np.nan
    out[SELLOFF_SHARE] = n_fallen / n_others if n_others else np.nan
    out[SECTOR_CHANGE] = total / n_sector if n_sector else np.nan


@_kernel
def scan_session(
    grid: Values,
    n_minutes: int,
    told: Flags,
    rungs: Values,
    limits: Values,
    is_equity: Flags,
    sector: Whole,
    index_at: int,
    levels: Values,
    shape: Values,
    curves: Values,
    session: int,
    keys: Whole,
    numbers: Values,
) -> int:
    """Write the events of a session that are not told yet, with their features; return how many.

    Args:
        grid: (N_PRICES, symbols, minutes) prices and volumes of the session's minutes so far.
        n_minutes: Length of the session; the grid may be longer.
        told: (symbols, rungs) events given before; those written now are marked.
        rungs: Depths in rising order.
        limits: late-open minutes, halt minutes, lone-tick share.
        is_equity: (symbols) who may fall and who counts for the market.
        sector: (symbols) number of the sector, -1 for none.
        index_at: Place of the broad index among the symbols, -1 for none.
        levels: (symbols, N_LEVELS) what was known before the session.
        shape: (minutes) half-spread by minute over its mean of a session.
        curves: (sessions, symbols, minutes) volume up to a minute, at session modulo their number.
        session: Ordinal of the session.
        keys, numbers: Room for symbols x rungs events: (.., N_KEYS) and (.., N_NUMBERS).
    """
    n_symbols = grid.shape[1]
    first = np.full(n_symbols, -1, np.int64)
    n_bars = np.zeros(n_symbols, np.int64)
    reached = np.zeros(n_symbols, np.int64)
    change = np.full(n_symbols, np.nan)
    has_fallen = np.zeros(n_symbols, np.bool_)
    found = 0
    for m in range(n_minutes):
        begin = found
        for n in range(n_symbols):
            if np.isnan(grid[CLOSE, n, m]):
                continue
            if first[n] < 0:
                first[n] = m
            n_bars[n] += 1
            session_open, low = grid[OPEN, n, first[n]], grid[LOW, n, m]
            change[n] = grid[CLOSE, n, m] / session_open - 1.0
            if low <= session_open * (1.0 - rungs[0]):
                has_fallen[n] = True
            while (
                is_equity[n]
                and reached[n] < rungs.size
                and low <= session_open * (1.0 - rungs[reached[n]])
            ):
                if not told[n, reached[n]]:
                    told[n, reached[n]] = True
                    keys[found, SYMBOL], keys[found, MINUTE] = n, m
                    keys[found, RUNG] = reached[n]
                    keys[found, N_MISSING] = m + 1 - n_bars[n]
                    found += 1
                reached[n] += 1
        for event in range(begin, found):
            n = keys[event, SYMBOL]
            out = numbers[event]
            session_open = grid[OPEN, n, first[n]]
            close, low = grid[CLOSE, n, m], grid[LOW, n, m]
            keys[event, QUALITY] = _quality(
                grid, n, m, first[n], int(limits[0]), int(limits[1]), limits[2]
            )
            out[SESSION_OPEN], out[BAR_LOW], out[BAR_CLOSE] = session_open, low, close
            out[BAR_VOLUME] = grid[VOLUME, n, m]
            _add_path(grid, n, m, out)
            out[VOLUME_RATIO] /= _usual_volume(curves, session, n, m)
            _add_levels(levels[n], session_open, close, out)
            _add_market(n, change, has_fallen, is_equity, sector, out)
            out[INDEX_CHANGE] = change[index_at] if index_at >= 0 else np.nan
            out[MEAN_SPREAD] = levels[n, SPREAD_LEVEL]
            out[HALF_SPREAD] = levels[n, SPREAD_LEVEL] * shape[m]
    return found
