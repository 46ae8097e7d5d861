"""Numba kernels over rows sorted by symbol and session: rolling windows and session ranks.

Every window is summed afresh. That costs a factor of its length over a running sum, and buys that
a value depends on its window alone: no rounding from older bars, and a missing bar spoils only the
windows that hold it.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Values = NDArray[np.float64]
Rows = NDArray[np.int64]
# Sums of a window may be taken lane by lane: the order follows from its length alone, so equal
# windows still give equal bits. Missing values keep their meaning.
SUMS = {"reassoc"}


@njit(cache=True, nogil=True, fastmath=SUMS)
def rolling_mean(values: Values, position: Rows, window: int) -> Values:
    """Return the mean of the last `window` rows; missing where fewer exist or one is missing.

    `position` is the row's place in its segment, from 0.
    """
    out = np.full(values.size, np.nan)
    for row in range(values.size):
        if position[row] >= window - 1:
            total = 0.0
            for i in range(row - window + 1, row + 1):
                total += values[i]
            out[row] = total / window
    return out


@njit(cache=True, nogil=True, fastmath=SUMS)
def rolling_std(values: Values, position: Rows, window: int) -> Values:
    """Return the sample standard deviation (n - 1) of the last `window` rows, as rolling_mean."""
    out = np.full(values.size, np.nan)
    for row in range(values.size):
        if position[row] >= window - 1:
            total = 0.0
            for i in range(row - window + 1, row + 1):
                total += values[i]
            mean = total / window
            squares = 0.0
            for i in range(row - window + 1, row + 1):
                squares += (values[i] - mean) * (values[i] - mean)
            out[row] = np.sqrt(squares / (window - 1))
    return out


@njit(cache=True, nogil=True, fastmath=SUMS)
def rolling_skewness(values: Values, position: Rows, window: int) -> Values:
    """Return m3 / m2^1.5 of the last `window` rows; missing where they do not vary."""
    out = np.full(values.size, np.nan)
    for row in range(values.size):
        if position[row] >= window - 1:
            total = 0.0
            for i in range(row - window + 1, row + 1):
                total += values[i]
            mean = total / window
            second, third = 0.0, 0.0
            for i in range(row - window + 1, row + 1):
                gap = values[i] - mean
                second += gap * gap
                third += gap * gap * gap
            if second > 0.0:
                out[row] = (third / window) / (second / window) ** 1.5
    return out


@njit(cache=True, nogil=True, fastmath=SUMS)
def rolling_regression(
    values: Values, driver: Values, position: Rows, window: int
) -> tuple[Values, Values, Values]:
    """Return slope, correlation and residual standard deviation (n - 2) of values on driver.

    Over the last `window` rows; missing where either side does not vary.
    """
    slope = np.full(values.size, np.nan)
    correlation = np.full(values.size, np.nan)
    residual = np.full(values.size, np.nan)
    for row in range(values.size):
        if position[row] >= window - 1:
            total_y, total_x = 0.0, 0.0
            for i in range(row - window + 1, row + 1):
                total_y += values[i]
                total_x += driver[i]
            mean_y, mean_x = total_y / window, total_x / window
            yy, xx, xy = 0.0, 0.0, 0.0
            for i in range(row - window + 1, row + 1):
                y, x = values[i] - mean_y, driver[i] - mean_x
                yy += y * y
                xx += x * x
                xy += x * y
            if xx > 0.0:
                slope[row] = xy / xx
                left = max(yy - xy * xy / xx, 0.0)
                residual[row] = np.sqrt(left / (window - 2))
                if yy > 0.0:
                    correlation[row] = xy / np.sqrt(xx * yy)
    return slope, correlation, residual


@njit(cache=True)
def session_rank(values: Values, order: Rows, starts: Rows) -> Values:
    """Return each row's rank among the present values of its session, 0 lowest to 1 highest.

    `order` lists rows by session, and session i is order[starts[i] : starts[i + 1]]. Equal values
    share their mean rank. Missing where the value is, and where it would be alone.
    """
    out = np.full(values.size, np.nan)
    for session in range(starts.size - 1):
        rows = order[starts[session] : starts[session + 1]]
        rows = rows[~np.isnan(values[rows])]
        if rows.size > 1:
            present = values[rows]
            ranked = np.argsort(present)
            first = 0
            while first < rows.size:
                last = first
                while last + 1 < rows.size and present[ranked[last + 1]] == present[ranked[first]]:
                    last += 1
                for i in range(first, last + 1):
                    out[rows[ranked[i]]] = 0.5 * (first + last) / (rows.size - 1)
                first = last + 1
    return out
