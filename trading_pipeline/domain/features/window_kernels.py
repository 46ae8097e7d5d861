"""Numba kernels over blocks of rows: nested rolling windows, summed afresh for every row.

A block is BLOCK rows with the PAD rows before them, so that every window of at most PAD - 3 bars
lies in it. Windows end at the row and are nested, so one walk back through the longest serves all.
A value depends on its window alone: no rounding from older bars, and a row computed alone has the
bits of a row computed among all. Sums are taken of differences to the window's last value, which
by Samuelson's inequality costs at most n roundings of a variance, and leaves none where all values
are equal. Divisions follow numpy, infinite by zero: Python's check would keep loops scalar.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.int64]

BLOCK = 64
PAD = 64


@njit(cache=True, nogil=True, error_model="numpy")
def load(source: Values, first: int, block: Values) -> None:
    """Copy rows first - PAD to first + BLOCK into `block`; 1 where there is no row or no value.

    What such a 1 touches is blanked later, by the rows' runs of present bars.
    """
    for i in range(PAD + BLOCK):
        row = first - PAD + i
        value = source[row] if 0 <= row < source.size else 1.0
        block[i] = 1.0 if np.isnan(value) else value


@njit(cache=True, nogil=True, error_model="numpy")
def sums(x: Values, windows: Rows, held: Values, total: Values) -> None:
    """Write the sums of each window into `total`, (n_windows, BLOCK); `held` is scratch."""
    for r in range(BLOCK):
        held[r] = 0.0
    walked = 0
    for w in range(windows.size):
        for j in range(walked, windows[w]):
            shifted = x[PAD - j : PAD - j + BLOCK]
            for r in range(BLOCK):
                held[r] += shifted[r]
        walked = windows[w]
        for r in range(BLOCK):
            total[w, r] = held[r]


@njit(cache=True, nogil=True, error_model="numpy")
def moments(x: Values, windows: Rows, held: Values, s1: Values, s2: Values) -> None:
    """Write the sums of x - last and of its squares."""
    for r in range(2 * BLOCK):
        held[r] = 0.0
    last = x[PAD : PAD + BLOCK]
    walked = 0
    for w in range(windows.size):
        for j in range(walked, windows[w]):
            shifted = x[PAD - j : PAD - j + BLOCK]
            for r in range(BLOCK):
                gap = shifted[r] - last[r]
                held[r] += gap
                held[BLOCK + r] += gap * gap
        walked = windows[w]
        for r in range(BLOCK):
            s1[w, r] = held[r]
            s2[w, r] = held[BLOCK + r]


@njit(cache=True, nogil=True, error_model="numpy")
def slopes(x: Values, windows: Rows, held: Values, total: Values) -> None:
    """Write the sums of (x - last) times the bars since."""
    for r in range(BLOCK):
        held[r] = 0.0
    last = x[PAD : PAD + BLOCK]
    walked = 0
    for w in range(windows.size):
        for j in range(walked, windows[w]):
            shifted = x[PAD - j : PAD - j + BLOCK]
            since = float(j)
            for r in range(BLOCK):
                held[r] += (shifted[r] - last[r]) * since
        walked = windows[w]
        for r in range(BLOCK):
            total[w, r] = held[r]


@njit(cache=True, nogil=True, error_model="numpy")
def dispersion(
    x: Values, windows: Rows, s1: Values, s2: Values, mean: Values, deviation: Values
) -> None:
    """Write mean and standard deviation (n - 1) from what `moments` wrote."""
    for w in range(windows.size):
        d = float(windows[w])
        for r in range(BLOCK):
            mean[w, r] = x[PAD + r] + s1[w, r] / d
            squares = max(s2[w, r] - s1[w, r] * s1[w, r] / d, 0.0)
            deviation[w, r] = np.sqrt(squares / (d - 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def correlations(
    x: Values, y: Values, windows: Rows, floor: Values, held: Values, out: Values
) -> None:
    """Write the correlation of x and y; missing where a side's deviation is at most its floor.

    `floor` is (2, BLOCK): the least standard deviation (n - 1) of x and of y.
    """
    for r in range(5 * BLOCK):
        held[r] = 0.0
    last_x = x[PAD : PAD + BLOCK]
    last_y = y[PAD : PAD + BLOCK]
    walked = 0
    for w in range(windows.size):
        n = float(windows[w])
        for j in range(walked, windows[w]):
            shifted_x = x[PAD - j : PAD - j + BLOCK]
            shifted_y = y[PAD - j : PAD - j + BLOCK]
            for r in range(BLOCK):
                a = shifted_x[r] - last_x[r]
                b = shifted_y[r] - last_y[r]
                held[r] += a
                held[BLOCK + r] += b
                held[2 * BLOCK + r] += a * a
                held[3 * BLOCK + r] += b * b
                held[4 * BLOCK + r] += a * b
        walked = windows[w]
        for r in range(BLOCK):
            xx = held[2 * BLOCK + r] - held[r] * held[r] / n
            yy = held[3 * BLOCK + r] - held[BLOCK + r] * held[BLOCK + r] / n
            xy = held[4 * BLOCK + r] - held[r] * held[BLOCK + r] / n
            varies = xx > floor[0, r] * floor[0, r] * (n - 1.0)
            varies &= yy > floor[1, r] * floor[1, r] * (n - 1.0)
            out[w, r] = xy / np.sqrt(xx * yy) if varies else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def highest(x: Values, sign: float, windows: Rows, held: Values, best: Values, at: Values) -> None:
    """Write the highest value (sign 1) or the lowest (-1), and its place: 1 the oldest bar.

    Of equal values the oldest counts.
    """
    for r in range(BLOCK):
        held[r] = -np.inf
        held[BLOCK + r] = 0.0
    walked = 0
    for w in range(windows.size):
        for j in range(walked, windows[w]):
            shifted = x[PAD - j : PAD - j + BLOCK]
            since = float(j)
            for r in range(BLOCK):
                value = shifted[r] * sign
                is_higher = value >= held[r]
                held[r] = value if is_higher else held[r]
                held[BLOCK + r] = since if is_higher else held[BLOCK + r]
        walked = windows[w]
        for r in range(BLOCK):
            best[w, r] = held[r] * sign
            at[w, r] = windows[w] - held[BLOCK + r]


@njit(cache=True, nogil=True, error_model="numpy")
def percentile_ranks(x: Values, windows: Rows, held: Values, out: Values) -> None:
    """Write the mean rank of the last value among its window's, over the window's length."""
    for r in range(2 * BLOCK):
        held[r] = 0.0
    last = x[PAD : PAD + BLOCK]
    walked = 0
    for w in range(windows.size):
        for j in range(walked, windows[w]):
            shifted = x[PAD - j : PAD - j + BLOCK]
            for r in range(BLOCK):
                held[r] += 1.0 if shifted[r] < last[r] else 0.0
                held[BLOCK + r] += 1.0 if shifted[r] == last[r] else 0.0
        walked = windows[w]
        for r in range(BLOCK):
            out[w, r] = (held[r] + (held[BLOCK + r] + 1.0) / 2.0) / windows[w]


@njit(cache=True, nogil=True, error_model="numpy")
def quantiles(
    x: Values,
    windows: Rows,
    low: float,
    high: float,
    ranked: Values,
    left: Values,
    lows: Values,
    highs: Values,
) -> None:
    """Write two quantiles of each window, interpolated linearly.

    The sorted windows in `ranked` move along row by row: one pass leaves out the value that goes,
    another lets in the one that comes, and neither branches. `ranked` and `left` are scratch,
    (n_windows, PAD).
    """
    for w in range(windows.size):
        n = windows[w]
        own = ranked[w]
        for i in range(n):
            value = x[PAD - n + 1 + i]
            k = i
            while k > 0 and own[k - 1] > value:
                own[k] = own[k - 1]
                k -= 1
            own[k] = value
        own[n] = np.inf
        left[w, 0] = -np.inf
    for r in range(BLOCK):
        for w in range(windows.size):
            n = windows[w]
            own, above = ranked[w, :n], ranked[w, 1 : n + 1]
            if r > 0:
                gone, come = x[PAD + r - n], x[PAD + r]
                under, kept = left[w, :n], left[w, 1 : n + 1]
                for k in range(n):
                    kept[k] = own[k] if own[k] < gone else above[k]
                for k in range(n):
                    floor = come if come > under[k] else under[k]
                    own[k] = floor if floor < kept[k] else kept[k]
            at_low, at_high = low * (n - 1), high * (n - 1)
            i_low, i_high = int(at_low), int(at_high)
            lows[w, r] = own[i_low] + (above[i_low] - own[i_low]) * (at_low - i_low)
            highs[w, r] = own[i_high] + (above[i_high] - own[i_high]) * (at_high - i_high)
