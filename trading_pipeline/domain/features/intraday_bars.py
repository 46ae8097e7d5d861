"""Numba kernels from sorted minutes to intraday bars, each with what its session knew.

One pass makes the bars of all intervals, the session's volume-weighted price, its profile of
volume by price, its opening range and its clock. All of it lives in a state per symbol, so that
history and live are one function.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

MINUTE = 60_000_000_000
# Columns that come out: keys, prices, and the values of the session.
INTERVAL, ORDINAL, PLACE, OPENS_AT, CLOSES_AT, N_KEYS = range(6)
OPEN, HIGH, LOW, CLOSE, VOLUME, N_PRICES = range(6)
VWAP, CONTROL, SHARE_ABOVE, PAST_CONTROL, RETURN, RANGE_PLACE = range(6)
SINCE_OPEN, TO_CLOSE, BUCKET, N_SESSION_VALUES = range(6, 10)
# A symbol's clock: its session and last minute, then opening and closing of each open bar.
NOW, OPENS, CLOSES, LAST_MINUTE, CLOCK_HEAD = range(5)
# Head of a symbol's state; then anchors, totals and histograms of sessions, then the open bars.
FACTOR, OPENED_AT, FLOW, SHARES, RANGE_HIGH, RANGE_LOW, SLOT, N_SESSIONS = range(8)
BUSIEST, HIGHEST, PAST_POC, STATE_HEAD = range(8, 12)

_kernel = njit(cache=True, nogil=True, error_model="numpy")


class Layout(NamedTuple):
    """Lengths: `intervals` rise; bins are `width` wide in log price; gaps count sessions."""

    intervals: Whole
    range_minutes: int
    n_profile: int
    n_bins: int
    width: float
    max_gap: int


class Sessions(NamedTuple):
    """The calendar's regular hours in UTC nanoseconds, and splits by symbol.

    Symbol i has the splits [split_begin[i], split_begin[i + 1]), by rising ordinal of ex_date.
    """

    opens: Whole
    closes: Whole
    split_begin: Whole
    split_ordinal: Whole
    split_ratio: Values


@_kernel
def state_sizes(layout: Layout) -> tuple[int, int]:
    """Return how long a symbol's state and its clock are."""
    state = _bars_begin(layout) + N_PRICES * layout.intervals.size
    return state, CLOCK_HEAD + 2 * layout.intervals.size


@_kernel
def begin_symbol(state: Values, clock: Whole) -> None:
    """Make the state and the clock of a symbol those of one that never traded."""
    state[:] = 0.0
    state[FACTOR] = 1.0
    clock[:] = 0
    clock[NOW] = -1


@_kernel
def _bars_begin(layout: Layout) -> int:
    return STATE_HEAD + (layout.n_profile + 1) * (2 + layout.n_bins)


@_kernel
def _bin_of(price: float, anchor: float, width: float, n_bins: int) -> int:
    """Return the bin of a price on a log grid around `anchor`; what lies outside joins the edge."""
    place = np.floor(np.log(price / anchor) / width) + n_bins // 2
    return int(min(max(place, 0.0), n_bins - 1.0))


@_kernel
def _price_of(place: int, anchor: float, width: float, n_bins: int) -> float:
    return float(anchor * np.exp((place - n_bins // 2 + 0.5) * width))


@_kernel
def _past_control(state: Values, layout: Layout, scratch: Values) -> float:
    """Return the busiest price of the completed sessions in the rings, on the newest's grid."""
    n_slots, n_bins = layout.n_profile + 1, layout.n_bins
    newest = int(state[SLOT])
    anchor = state[STATE_HEAD + newest]
    scratch[:] = 0.0
    for age in range(n_slots - 2, -1, -1):
        slot = (newest - age) % n_slots
        if not state[STATE_HEAD + n_slots + slot] > 0.0:
            return np.nan
        shift = int(np.rint(np.log(state[STATE_HEAD + slot] / anchor) / layout.width))
        begin = STATE_HEAD + 2 * n_slots + slot * n_bins
        for place in range(n_bins):
            if state[begin + place] > 0.0:
                scratch[min(max(place + shift, 0), n_bins - 1)] += state[begin + place]
    return _price_of(int(np.argmax(scratch)), anchor, layout.width, n_bins)


@_kernel
def _open_session(
    state: Values, layout: Layout, scratch: Values, price: float, is_first: bool
) -> None:
    """Close the session before, if any, and begin one at its first price."""
    n_slots, n_bins = layout.n_profile + 1, layout.n_bins
    state[PAST_POC] = np.nan
    if not is_first:
        state[N_SESSIONS] += 1.0
        if state[N_SESSIONS] >= layout.n_profile:
            state[PAST_POC] = _past_control(state, layout, scratch)
        state[SLOT] = (int(state[SLOT]) + 1) % n_slots
    state[OPENED_AT] = price
    state[FLOW], state[SHARES] = 0.0, 0.0
    state[RANGE_HIGH], state[RANGE_LOW] = -np.inf, np.inf
    slot = int(state[SLOT])
    state[STATE_HEAD + slot] = price
    state[STATE_HEAD + n_slots + slot] = 0.0
    begin = STATE_HEAD + 2 * n_slots + slot * n_bins
    state[begin : begin + n_bins] = 0.0
    state[BUSIEST], state[HIGHEST] = float(begin), float(begin)


@_kernel
def _trade(state: Values, layout: Layout, typical: float, volume: float) -> None:
    """Add a minute to the session's volume and its profile."""
    n_slots, n_bins = layout.n_profile + 1, layout.n_bins
    state[FLOW] += typical * volume
    state[SHARES] += volume
    slot = int(state[SLOT])
    state[STATE_HEAD + n_slots + slot] = state[SHARES]
    if volume > 0.0:
        begin = STATE_HEAD + 2 * n_slots + slot * n_bins
        at = begin + _bin_of(typical, state[STATE_HEAD + slot], layout.width, n_bins)
        state[at] += volume
        state[HIGHEST] = max(state[HIGHEST], float(at))
        if state[at] > state[int(state[BUSIEST])]:
            state[BUSIEST] = float(at)


@_kernel
def _profile(state: Values, layout: Layout, close: float, out: Values) -> None:
    """Write the distances to the points of control, and the share of volume above the close."""
    n_slots, n_bins = layout.n_profile + 1, layout.n_bins
    out[PAST_CONTROL] = close / state[PAST_POC] - 1.0
    slot = int(state[SLOT])
    if not state[SHARES] > 0.0:
        return
    anchor = state[STATE_HEAD + slot]
    begin = STATE_HEAD + 2 * n_slots + slot * n_bins
    busiest = int(state[BUSIEST]) - begin
    out[CONTROL] = close / _price_of(busiest, anchor, layout.width, n_bins) - 1.0
    above = 0.0
    for i in range(
        begin + _bin_of(close, anchor, layout.width, n_bins) + 1, int(state[HIGHEST]) + 1
    ):
        above += state[i]
    out[SHARE_ABOVE] = above / state[SHARES]


@_kernel
def _bucket(since_open: int, to_close: int) -> float:
    """Return 0 opening, 1 morning, 2 midday, 3 afternoon, 4 power hour."""
    if to_close < 60:
        return 4.0
    return (
        0.0 if since_open <= 30 else 1.0 if since_open <= 120 else 2.0 if since_open <= 270 else 3.0
    )


@_kernel
def _describe(
    state: Values, clock: Whole, layout: Layout, key: Whole, bar: Values, out: Values
) -> None:
    """Write what the session knew when a bar closed."""
    for i in range(N_SESSION_VALUES):
        out[i] = np.nan
    close = bar[CLOSE]
    since_open = (key[CLOSES_AT] - clock[OPENS]) // MINUTE
    to_close = (clock[CLOSES] - key[CLOSES_AT]) // MINUTE
    if state[SHARES] > 0.0:
        out[VWAP] = close / (state[FLOW] / state[SHARES]) - 1.0
    _profile(state, layout, close, out)
    out[RETURN] = close / state[OPENED_AT] - 1.0
    spread = state[RANGE_HIGH] - state[RANGE_LOW]
    if since_open >= layout.range_minutes and 0.0 < spread < np.inf:
        out[RANGE_PLACE] = (close - state[RANGE_LOW]) / spread
    out[SINCE_OPEN], out[TO_CLOSE] = float(since_open), float(to_close)
    out[BUCKET] = _bucket(since_open, to_close)


@_kernel
def _close_bars(
    until: int, state: Values, clock: Whole, layout: Layout,
    keys: Whole, prices: Values, values: Values, row: int,
) -> int:  # fmt: skip
    """Write the open bars that close by `until`, in order of closing, the coarsest first."""
    while True:
        chosen, earliest = -1, until
        for i in range(layout.intervals.size - 1, -1, -1):
            end = clock[CLOCK_HEAD + 2 * i + 1]
            if 0 < end <= until and (chosen < 0 or end < earliest):
                chosen, earliest = i, end
        if chosen < 0:
            return row
        key, bar = keys[row], prices[row]
        key[INTERVAL], key[ORDINAL] = chosen, clock[NOW]
        key[OPENS_AT], key[CLOSES_AT] = clock[CLOCK_HEAD + 2 * chosen], earliest
        key[PLACE] = (key[OPENS_AT] - clock[OPENS]) // (layout.intervals[chosen] * MINUTE)
        at = _bars_begin(layout) + N_PRICES * chosen
        for i in range(N_PRICES):
            bar[i] = state[at + i]
        if row > 0 and keys[row - 1, CLOSES_AT] == earliest:
            # Bars that close together hold the same last minute, and so the same session.
            for i in range(N_SESSION_VALUES):
                values[row, i] = values[row - 1, i]
        else:
            _describe(state, clock, layout, key, bar, values[row])
        clock[CLOCK_HEAD + 2 * chosen + 1] = 0
        row += 1


@_kernel
def _begin_session(
    state: Values, clock: Whole, layout: Layout, sessions: Sessions, symbol: int, ordinal: int,
    price: float, scratch: Values,
) -> None:  # fmt: skip
    """Move a symbol into a session: forget all after too long a gap, apply splits, reset."""
    before = clock[NOW]
    if before >= 0 and ordinal - before > layout.max_gap:
        begin_symbol(state, clock)
        before = -1
    if before >= 0:
        for i in range(sessions.split_begin[symbol], sessions.split_begin[symbol + 1]):
            if before < sessions.split_ordinal[i] <= ordinal:
                state[FACTOR] *= sessions.split_ratio[i]
    clock[NOW] = ordinal
    clock[OPENS], clock[CLOSES] = sessions.opens[ordinal], sessions.closes[ordinal]
    _open_session(state, layout, scratch, price * state[FACTOR], before < 0)


@_kernel
def count_bars(begins: Whole, ts: Whole, sessions: Sessions, intervals: Whole) -> Whole:
    """Return how many bars each symbol's minutes open at most, those open before included."""
    counts = np.full(begins.size - 1, intervals.size, dtype=np.int64)
    for symbol in range(begins.size - 1):
        opens, closes, ends = 0, 0, np.zeros(intervals.size, dtype=np.int64)
        for i in range(begins[symbol], begins[symbol + 1]):
            if ts[i] >= closes:
                ordinal = np.searchsorted(sessions.closes, ts[i], side="right")
                if ordinal == sessions.opens.size:
                    break
                opens, closes = sessions.opens[ordinal], sessions.closes[ordinal]
            if ts[i] >= opens:
                for j in range(intervals.size):
                    if ts[i] >= ends[j]:
                        length = intervals[j] * MINUTE
                        ends[j] = opens + ((ts[i] - opens) // length + 1) * length
                        counts[symbol] += 1
    return counts


@_kernel
def _add_minute(
    now: int, minute: tuple[float, float, float, float, float], state: Values, clock: Whole,
    layout: Layout,
) -> int:  # fmt: skip
    """Add a minute to every bar it belongs to; return when the first of them closes."""
    open_, high, low, close, volume = minute
    first = int(clock[CLOSES])
    for i in range(layout.intervals.size):
        at, bar = _bars_begin(layout) + N_PRICES * i, CLOCK_HEAD + 2 * i
        if clock[bar + 1] == 0:
            length = layout.intervals[i] * MINUTE
            clock[bar] = clock[OPENS] + (now - clock[OPENS]) // length * length
            clock[bar + 1] = min(clock[bar] + length, clock[CLOSES])
            state[at + OPEN], state[at + HIGH], state[at + LOW] = open_, high, low
            state[at + VOLUME] = volume
        else:
            state[at + HIGH] = max(state[at + HIGH], high)
            state[at + LOW] = min(state[at + LOW], low)
            state[at + VOLUME] += volume
        state[at + CLOSE] = close
        first = min(first, int(clock[bar + 1]))
    return first


@_kernel
def advance(
    symbol: int, begin: int, end: int, ts: Whole, minutes: tuple[Values, ...], until: int,
    state: Values, clock: Whole, layout: Layout, sessions: Sessions,
    keys: Whole, prices: Values, values: Values,
) -> int:  # fmt: skip
    """Take one symbol's minutes [begin, end) and write the bars that close; return how many.

    Minutes are sorted and follow those taken before; those outside the regular session are left
    out. A bar closes when a later minute shows that it has, at the latest by `until`. `minutes`
    holds open, high, low, close and volume of all symbols; `state` and `clock` are this one's.
    """
    row, next_close = 0, 0
    scratch = np.empty(layout.n_bins)
    for i in range(begin, end):
        now = ts[i]
        if now >= next_close:
            row = _close_bars(now, state, clock, layout, keys, prices, values, row)
        if now >= clock[CLOSES] or now < clock[OPENS]:
            ordinal = np.searchsorted(sessions.closes, now, side="right")
            if ordinal == sessions.opens.size or now < sessions.opens[ordinal]:
                continue
            price = minutes[OPEN][i]
            _begin_session(state, clock, layout, sessions, symbol, ordinal, price, scratch)
        factor = state[FACTOR]
        high, low = minutes[HIGH][i] * factor, minutes[LOW][i] * factor
        close, volume = minutes[CLOSE][i] * factor, minutes[VOLUME][i] / factor
        if now < clock[OPENS] + layout.range_minutes * MINUTE:
            state[RANGE_HIGH] = max(state[RANGE_HIGH], high)
            state[RANGE_LOW] = min(state[RANGE_LOW], low)
        _trade(state, layout, (high + low + close) / 3.0, volume)
        minute = (minutes[OPEN][i] * factor, high, low, close, volume)
        next_close = _add_minute(now, minute, state, clock, layout)
        clock[LAST_MINUTE] = now
    return _close_bars(until, state, clock, layout, keys, prices, values, row)
