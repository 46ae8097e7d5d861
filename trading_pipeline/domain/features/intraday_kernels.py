"""Numba kernels of the intraday indicators: bars in order of closing in, one step per bar.

`add_indicators` is the only way a value comes about: history runs it over all bars, live over the
newest, both on the same state. All kernels of a pass stand in one module, because a cached kernel
is not compiled again when one that it calls changes elsewhere. Windows are summed afresh, oldest
value first, so that a value depends on its window alone and a missing volume spoils only the
windows that hold it.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Whole = NDArray[np.int64]

# What an instruction of a program computes.
ATR, RSI, STOCH_RSI, BOLLINGER, MACD, OBV, MFI, VOLATILITY, RELATIVE_VOLUME = range(9)
# Columns of a program: three lengths, bars needed before the first value, place in the state.
KIND, FIRST, SECOND, THIRD, LOOKBACK, STATE, OUT, PROGRAM_SIZE = range(8)
# Head of an interval's state: what the bar before left, then its joined values.
CLOSE_BEFORE, TYPICAL_BEFORE, BAR_HEAD = range(3)
# TA-Lib takes what is smaller for zero.
EPSILON = 1e-14
# Prices closer than this share of themselves are equal.
ROUNDING = 1e-12

_kernel = njit(cache=True, nogil=True, error_model="numpy")


class Program(NamedTuple):
    """What is computed and where it stands.

    `lines` is (n_intervals, n_lines, PROGRAM_SIZE) and `begins` the places of the intervals'
    states. Columns before `first` are filled already. `joined` are the columns of a bar that finer
    bars read, from column `n_own` on, one block for each interval but the finest. After a gap of
    more than `max_gap` sessions a symbol begins anew.
    """

    lines: Whole
    begins: Whole
    joined: Whole
    first: int
    n_own: int
    max_gap: int


@_kernel
def _push(state: Values, at: int, size: int, value: float) -> int:
    """Append a value to the window at `at`; return where its last `size` values begin.

    A window keeps its end, then room for twice its values: where that is full, the newer half
    moves to the front. The values so always stand in order of age.
    """
    end = int(state[at])
    if end == 2 * size:
        for i in range(size):
            state[at + 1 + i] = state[at + 1 + size + i]
        end = size
    state[at + 1 + end] = value
    state[at] = float(end + 1)
    return at + 2 + end - size


@_kernel
def _mean(state: Values, begin: int, size: int) -> float:
    """Return the mean of a window, added up in four strands that a processor runs at once."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = begin + size // 4 * 4
    for i in range(begin, whole, 4):
        a += state[i]
        b += state[i + 1]
        c += state[i + 2]
        d += state[i + 3]
    for i in range(whole, begin + size):
        a += state[i]
    return ((a + b) + (c + d)) / size


@_kernel
def _deviation(state: Values, begin: int, size: int, mean: float) -> float:
    """Return the standard deviation of a window over n, in four strands."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = begin + size // 4 * 4
    for i in range(begin, whole, 4):
        a += (state[i] - mean) * (state[i] - mean)
        b += (state[i + 1] - mean) * (state[i + 1] - mean)
        c += (state[i + 2] - mean) * (state[i + 2] - mean)
        d += (state[i + 3] - mean) * (state[i + 3] - mean)
    for i in range(whole, begin + size):
        a += (state[i] - mean) * (state[i] - mean)
    return float(np.sqrt(((a + b) + (c + d)) / size))


@_kernel
def _balance(state: Values, begin: int, size: int) -> tuple[float, float]:
    """Return the sum of a window's values, and of their sizes, in two strands."""
    a, b, size_a, size_b = 0.0, 0.0, 0.0, 0.0
    whole = begin + size // 2 * 2
    for i in range(begin, whole, 2):
        a += state[i]
        b += state[i + 1]
        size_a += abs(state[i])
        size_b += abs(state[i + 1])
    if whole < begin + size:
        a += state[whole]
        size_a += abs(state[whole])
    return a + b, size_a + size_b


@_kernel
def _direction(price: float, before: float) -> float:
    """Return the sign of a change; what rounding alone can make is none, as in TA-Lib."""
    change = price - before
    if abs(change) <= ROUNDING * price:
        return 0.0
    return 1.0 if change > 0.0 else -1.0


@_kernel
def _wilder(state: Values, at: int, period: int, n: int, value: float) -> None:
    """Add a value to Wilder's average; the first `period` values from bar 1 on are its mean."""
    if n < period:
        state[at] += value
    elif n == period:
        state[at] = (state[at] + value) / period
    else:
        state[at] = (state[at] * (period - 1) + value) / period


@_kernel
def _rsi(state: Values, at: int, period: int, n: int, change: float) -> float:
    if n == 0:
        return np.nan
    _wilder(state, at, period, n, max(change, 0.0))
    _wilder(state, at + 1, period, n, max(-change, 0.0))
    moved = state[at] + state[at + 1]
    return 100.0 * (state[at] / moved) if moved > EPSILON else 0.0


@_kernel
def _stoch_rsi(
    state: Values, at: int, periods: tuple[int, int, int], n: int, change: float
) -> tuple[float, float]:
    """Return the place of RSI in its own range, and that place's mean."""
    period, look, smooth = periods
    rsi = _rsi(state, at, period, n, change)
    if n < period:
        return np.nan, np.nan
    begin = _push(state, at + 2, look, rsi)
    if n < period + look - 1:
        return np.nan, np.nan
    lowest, highest = rsi, rsi
    for i in range(begin, begin + look):
        lowest, highest = min(lowest, state[i]), max(highest, state[i])
    spread = (highest - lowest) / 100.0
    place = (rsi - lowest) / spread if spread != 0.0 else 0.0
    begin = _push(state, at + 3 + 2 * look, smooth, place)
    return place, _mean(state, begin, smooth) if n >= period + look + smooth - 2 else np.nan


@_kernel
def _macd(
    state: Values, at: int, periods: tuple[int, int, int], n: int, close: float
) -> tuple[float, float]:
    """Return fast less slow exponential mean, and its distance from its own exponential mean."""
    fast, slow, smooth = periods
    if n < slow:
        # Both means start at the same bar, each as the plain mean of its last bars.
        state[at + 1] += close
        state[at] += close if n >= slow - fast else 0.0
        if n < slow - 1:
            return np.nan, np.nan
        state[at] /= fast
        state[at + 1] /= slow
    else:
        state[at] += (close - state[at]) * (2.0 / (fast + 1))
        state[at + 1] += (close - state[at + 1]) * (2.0 / (slow + 1))
    line = state[at] - state[at + 1]
    n_lines = n - slow + 1
    if n_lines < smooth:
        state[at + 2] += line
        if n_lines < smooth - 1:
            return np.nan, np.nan
        state[at + 2] /= smooth
    else:
        state[at + 2] += (line - state[at + 2]) * (2.0 / (smooth + 1))
    return line, line - state[at + 2]


@_kernel
def _relative_volume(state: Values, at: int, size: int, place: int, volume: float) -> float:
    """Return ln(volume / mean of the same bar's last `size` volumes), then add this one."""
    window = at + place * (2 * size + 1)
    end = int(state[window])
    mean = _mean(state, window + 1 + end - size, size) if end >= size else np.nan
    if not np.isnan(volume):
        _push(state, window, size, volume)
    return float(np.log(volume / mean))


@_kernel
def _indicators(
    state: Values, at: int, lines: Whole, chosen: int, n: int, place: int, bars: Values,
    values: Values, row: int,
) -> None:  # fmt: skip
    """Write the indicators of one bar, the n-th of its interval, at a place of its session."""
    open_, high, low = bars[row, 0], bars[row, 1], bars[row, 2]
    close, volume = bars[row, 3], bars[row, 4]
    before, typical = state[at + CLOSE_BEFORE], (high + low + close) / 3.0
    for line in range(lines.shape[1]):
        kind, a, own = (
            lines[chosen, line, KIND],
            lines[chosen, line, FIRST],
            lines[chosen, line, STATE],
        )
        periods = (a, lines[chosen, line, SECOND], lines[chosen, line, THIRD])
        one, two = np.nan, np.nan
        if kind == ATR:
            if n > 0:
                _wilder(state, own, a, n, max(high, before) - min(low, before))
                one = state[own] / close
        elif kind == RSI:
            one = _rsi(state, own, a, n, close - before)
        elif kind == STOCH_RSI:
            one, two = _stoch_rsi(state, own, periods, n, close - before)
        elif kind == BOLLINGER:
            begin = _push(state, own, a, close)
            if n + 1 >= a:
                mean = _mean(state, begin, a)
                deviation = _deviation(state, begin, a, mean)
                if deviation > 1e-9 * mean:
                    one = (close - mean) / (4.0 * deviation) + 0.5
                two = 4.0 * deviation / mean
        elif kind == MACD:
            line_, histogram = _macd(state, own, periods, n, close)
            one, two = line_ / close, histogram / close
        elif kind == OBV:
            begin = _push(state, own, a, _direction(close, before) * volume)
            traded = _push(state, own + 2 * a + 1, a, volume)
            if n >= a:
                one = _balance(state, begin, a)[0] / (_mean(state, traded, a) * a)
        elif kind == MFI:
            flow = typical * volume
            begin = _push(state, own, a, _direction(typical, state[at + TYPICAL_BEFORE]) * flow)
            if n >= a:
                net, whole = _balance(state, begin, a)
                one = 50.0 * (1.0 + net / whole)
        elif kind == VOLATILITY:
            change = np.log(close / open_)
            begin = _push(state, own, a, change * change)
            if n + 1 >= a:
                one = np.sqrt(_mean(state, begin, a))
        else:
            one = _relative_volume(state, own, a, place, volume)
        if n + 1 >= lines[chosen, line, LOOKBACK]:
            column = lines[chosen, line, OUT]
            values[row, column] = one if np.isfinite(one) else np.nan
            if kind in (STOCH_RSI, BOLLINGER, MACD):
                values[row, column + 1] = two if np.isfinite(two) else np.nan
    state[at + CLOSE_BEFORE], state[at + TYPICAL_BEFORE] = close, typical


@_kernel
def begin_indicators(state: Values, counts: Whole, program: Program) -> None:
    """Make a symbol's state that of one without bars."""
    state[:] = 0.0
    for begin in program.begins:
        state[begin + BAR_HEAD : begin + BAR_HEAD + program.joined.size] = np.nan
    counts[:] = 0
    counts[-1] = -1


@_kernel
def add_indicators(
    keys: Whole, bars: Values, state: Values, counts: Whole, program: Program, values: Values
) -> None:
    """Fill one symbol's rows of `values` from its bars in order of closing.

    `keys` is (n, 3 or more): number of the interval, session, place in the session. `bars`
    is (n, 5): open, high, low, close, volume. Of bars that close together the coarser stands
    first; a finer bar so reads every coarser one that closed no later than itself, and no other.
    `counts` holds the symbol's bars so far by interval, and its last session.
    """
    lines, begins, joined = program.lines, program.begins, program.joined
    n_own, n_joined = program.n_own, joined.size
    for row in range(keys.shape[0]):
        chosen = keys[row, 0]
        if counts[-1] >= 0 and keys[row, 1] - counts[-1] > program.max_gap:
            begin_indicators(state, counts, program)
        counts[-1] = keys[row, 1]
        for i in range(program.first, n_own + (begins.size - 1) * n_joined):
            values[row, i] = np.nan
        at = begins[chosen]
        _indicators(state, at, lines, chosen, counts[chosen], keys[row, 2], bars, values, row)
        counts[chosen] += 1
        for i in range(n_joined):
            state[at + BAR_HEAD + i] = values[row, joined[i]]
        for coarse in range(chosen + 1, begins.size):
            for i in range(n_joined):
                carried = state[begins[coarse] + BAR_HEAD + i]
                values[row, n_own + (coarse - 1) * n_joined + i] = carried
