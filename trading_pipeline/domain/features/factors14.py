"""Fourteen classical rolling factors: a small set, for quick research and for comparing engines.

The formulas are Alpha158's, of the same names; Qlib's paper times "14 factors derived from OHLCV"
without listing them, so these are ours: momentum (ROC), trend (MA) and volatility (STD) over a
week, a month and a quarter; range (MAX, MIN, RSV), price with volume (CORR) and volume (VMA) over
a month.
"""

from typing import Final

import numpy as np
from numba import njit

from trading_pipeline.domain.features.alpha158_kernels import (
    FLAT,
    TINY,
    Output,
    put,
)
from trading_pipeline.domain.features.bar_columns import (
    CLOSE,
    CLOSE_RUN,
    HIGH,
    LOW,
    RANGE_RUN,
    VOLUME,
    VOLUME_RUN,
    Rows,
    Runs,
    Values,
)
from trading_pipeline.domain.features.window_kernels import (
    BLOCK,
    PAD,
    correlations,
    dispersion,
    highest,
    load,
    moments,
    sums,
)

NAMES: Final = (
    "ROC5", "ROC20", "ROC60", "MA5", "MA20", "MA60", "STD5", "STD20", "STD60",
    "MAX20", "MIN20", "RSV20", "CORR20", "VMA20",
)  # fmt: skip
WINDOWS: Final = (5, 20, 60)
MONTH: Final = 20


@njit(cache=True, nogil=True, error_model="numpy")
def factors14_kernel(
    values: Values, runs: Runs, firsts: Rows, lasts: Rows, windows: Rows, out: Output
) -> None:
    """Fill `out`, (14, n_out), as alpha158_kernel does; `windows` are WINDOWS."""
    width = PAD + BLOCK
    h, low, c, v = np.empty(width), np.empty(width), np.empty(width), np.empty(width)
    logs = np.empty(width)
    month = windows[1:2]
    held = np.empty(5 * BLOCK)
    s1, s2 = np.empty((3, BLOCK)), np.empty((3, BLOCK))
    mean, deviation = np.empty((3, BLOCK)), np.empty((3, BLOCK))
    top, bottom, place = np.empty((1, BLOCK)), np.empty((1, BLOCK)), np.empty((1, BLOCK))
    total, correlation = np.empty((1, BLOCK)), np.empty((1, BLOCK))
    floor = np.empty((2, BLOCK))
    made = np.empty((14, BLOCK))
    run = np.empty((4, BLOCK))
    at_out = 0
    for k in range(firsts.size):
        for first in range(firsts[k], lasts[k], BLOCK):
            n = min(BLOCK, lasts[k] - first)
            load(values[HIGH], first, h)
            load(values[LOW], first, low)
            load(values[CLOSE], first, c)
            load(values[VOLUME], first, v)
            for i in range(width - BLOCK - MONTH, width):
                logs[i] = np.log(v[i] + 1.0)
            for r in range(BLOCK):
                row = min(first + r, runs.shape[1] - 1)
                close = runs[CLOSE_RUN, row]
                run[0, r] = close
                run[1, r] = min(close, runs[RANGE_RUN, row])
                run[2, r] = min(close, runs[VOLUME_RUN, row])
                run[3, r] = runs[VOLUME_RUN, row]
                floor[0, r] = FLAT * c[PAD + r]
                floor[1, r] = FLAT
            moments(c, windows, held, s1, s2)
            dispersion(c, windows, s1, s2, mean, deviation)
            highest(h, 1.0, month, held, top, place)
            highest(low, -1.0, month, held, bottom, place)
            correlations(c, logs, month, floor, held, correlation)
            sums(v, month, held, total)
            for r in range(BLOCK):
                i = PAD + r
                for w in range(3):
                    made[w, r] = c[i - windows[w]] / c[i]
                    made[3 + w, r] = mean[w, r] / c[i]
                    made[6 + w, r] = deviation[w, r] / c[i]
                made[9, r] = top[0, r] / c[i]
                made[10, r] = bottom[0, r] / c[i]
                made[11, r] = (c[i] - bottom[0, r]) / (top[0, r] - bottom[0, r] + TINY)
                made[12, r] = correlation[0, r]
                made[13, r] = total[0, r] / MONTH / (v[i] + TINY)
            for f in range(14):
                needs, least = 0, MONTH
                if f < 9:
                    least = windows[f % 3] + (1 if f < 3 else 0)
                elif f < 12:
                    needs = 1
                else:
                    needs = f - 10
                put(made[f], run[needs], least, out[f, at_out : at_out + n])
            at_out += n
