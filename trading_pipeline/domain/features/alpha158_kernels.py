"""The fused numba kernel of Alpha158: all 158 values of a block of rows in one pass over its bars.

Rows of the output stand in the order of `alpha158.NAMES`: nine of the bar's shape, four price
ratios, then 29 rolling ones with five windows each.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from trading_pipeline.domain.features.bar_columns import (
    CLOSE,
    CLOSE_RUN,
    HIGH,
    LOW,
    OPEN,
    OPEN_RUN,
    RANGE_RUN,
    VOLUME,
    VOLUME_RUN,
    VWAP,
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
    percentile_ranks,
    quantiles,
    slopes,
    sums,
)

Output = NDArray[np.float64] | NDArray[np.float32]

# The published terms against division by zero, and the deviation below which nothing correlates.
TINY = 1e-12
FLAT = 2e-5
N_BAR_FEATURES = 13
N_WINDOWS = 5
(
    ROC, MA, STD, BETA, RSQR, RESI, MAX, MIN, QTLU, QTLD, RANK, RSV, IMAX, IMIN, IMXD, CORR, CORD,
    CNTP, CNTN, CNTD, SUMP, SUMN, SUMD, VMA, VSTD, WVMA, VSUMP, VSUMN, VSUMD,
) = range(29)  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def put(made: Values, run: Values, least: int, target: Output) -> None:
    """Write a block's first values, missing where the run of present bars is below `least`."""
    for r in range(target.size):
        target[r] = made[r] if run[r] >= least else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _bar_features(o: Values, h: Values, low: Values, c: Values, vwap: Values, made: Values) -> None:
    for r in range(BLOCK):
        i = PAD + r
        span = h[i] - low[i] + TINY
        top, bottom = max(o[i], c[i]), min(o[i], c[i])
        made[0, r] = (c[i] - o[i]) / o[i]
        made[1, r] = (h[i] - low[i]) / o[i]
        made[2, r] = (c[i] - o[i]) / span
        made[3, r] = (h[i] - top) / o[i]
        made[4, r] = (h[i] - top) / span
        made[5, r] = (bottom - low[i]) / o[i]
        made[6, r] = (bottom - low[i]) / span
        made[7, r] = (2 * c[i] - h[i] - low[i]) / o[i]
        made[8, r] = (2 * c[i] - h[i] - low[i]) / span
        made[9, r] = o[i] / c[i]
        made[10, r] = h[i] / c[i]
        made[11, r] = low[i] / c[i]
        made[12, r] = vwap[i] / c[i]


@njit(cache=True, nogil=True, error_model="numpy")
def changes(
    c: Values, v: Values, ratio: Values, growth: Values, weighted: Values, moved: Values
) -> None:
    """Write close ratio, log volume growth, |return| x volume, and the six parts of moves.

    `moved` is (6, PAD + BLOCK): up and down days, price gains and losses, volume gains and losses.
    """
    for i in range(1, PAD + BLOCK):
        ratio[i] = c[i] / c[i - 1]
        growth[i] = np.log(v[i] / v[i - 1] + 1.0) if v[i - 1] > 0.0 else np.nan
        weighted[i] = abs(c[i] / c[i - 1] - 1.0) * v[i]
        price, volume = c[i] - c[i - 1], v[i] - v[i - 1]
        moved[0, i] = 1.0 if price > 0.0 else 0.0
        moved[1, i] = 1.0 if price < 0.0 else 0.0
        moved[2, i] = max(price, 0.0)
        moved[3, i] = max(-price, 0.0)
        moved[4, i] = max(volume, 0.0)
        moved[5, i] = max(-volume, 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def trends(c: Values, windows: Rows, s1: Values, s2: Values, s3: Values, made: Values) -> None:
    """Write MA, STD, BETA, RSQR and RESI of each window into `made`, (5, n_windows, BLOCK)."""
    for w in range(windows.size):
        d = float(windows[w])
        middle = (d - 1.0) / 2.0
        xx = d * (d * d - 1.0) / 12.0
        for r in range(BLOCK):
            last = c[PAD + r]
            squares = max(s2[w, r] - s1[w, r] * s1[w, r] / d, 0.0)
            xy = middle * s1[w, r] - s3[w, r]
            slope = xy / xx
            least = FLAT * last
            made[0, w, r] = (last + s1[w, r] / d) / last
            made[1, w, r] = np.sqrt(squares / (d - 1.0)) / last
            made[2, w, r] = slope / last
            made[3, w, r] = (
                xy * xy / (xx * squares) if squares > least * least * (d - 1.0) else np.nan
            )
            made[4, w, r] = -(s1[w, r] / d + slope * middle) / last


@njit(cache=True, nogil=True, error_model="numpy")
def alpha158_kernel(
    values: Values, runs: Runs, firsts: Rows, lasts: Rows, windows: Rows, out: Output
) -> None:
    """Fill `out`, (158, n_out), with the rows firsts[k] to lasts[k] (excluded), span by span.

    `values` and `runs` are those of BarColumns. Missing (NaN) where a feature's bars, d or d + 1
    of them, are not all present in the row's segment.
    """
    width = PAD + BLOCK
    blocks = np.empty((6, width))
    o, h, low, c = blocks[OPEN], blocks[HIGH], blocks[LOW], blocks[CLOSE]
    vwap, v = blocks[VWAP], blocks[VOLUME]
    ratio, growth = np.ones(width), np.ones(width)
    weighted, logs = np.ones(width), np.ones(width)
    moved = np.zeros((6, width))
    held = np.empty(5 * BLOCK)
    s1, s2 = np.empty((N_WINDOWS, BLOCK)), np.empty((N_WINDOWS, BLOCK))
    s3, s4 = np.empty((N_WINDOWS, BLOCK)), np.empty((N_WINDOWS, BLOCK))
    floor = np.empty((2, BLOCK))
    ranked, left = np.empty((N_WINDOWS, PAD)), np.empty((N_WINDOWS, PAD))
    bar_made = np.empty((N_BAR_FEATURES, BLOCK))
    made = np.empty((29, N_WINDOWS, BLOCK))
    # Runs of: close; open and close; high, low and close; with the open; volume; close and
    # volume; volume and a close more.
    run = np.empty((7, BLOCK))
    at_out = 0
    for k in range(firsts.size):
        for first in range(firsts[k], lasts[k], BLOCK):
            n = min(BLOCK, lasts[k] - first)
            for name in range(6):
                load(values[name], first, blocks[name])
            for r in range(BLOCK):
                row = min(first + r, runs.shape[1] - 1)
                close = runs[CLOSE_RUN, row]
                run[0, r] = close
                run[1, r] = min(close, runs[OPEN_RUN, row])
                run[2, r] = min(close, runs[RANGE_RUN, row])
                run[3, r] = min(run[1, r], run[2, r])
                run[4, r] = runs[VOLUME_RUN, row]
                run[5, r] = min(close, runs[VOLUME_RUN, row])
                run[6, r] = min(close - 1, runs[VOLUME_RUN, row])
                floor[0, r] = FLAT * c[PAD + r]
                floor[1, r] = FLAT

            _bar_features(o, h, low, c, vwap, bar_made)
            changes(c, v, ratio, growth, weighted, moved)
            for i in range(width):
                logs[i] = np.log(v[i] + 1.0)

            moments(c, windows, held, s1, s2)
            slopes(c, windows, held, s3)
            trends(c, windows, s1, s2, s3, made[MA : RESI + 1])
            highest(h, 1.0, windows, held, made[MAX], made[IMAX])
            highest(low, -1.0, windows, held, made[MIN], made[IMIN])
            percentile_ranks(c, windows, held, made[RANK])
            correlations(c, logs, windows, floor, held, made[CORR])
            for r in range(BLOCK):
                floor[0, r] = FLAT
            correlations(ratio, growth, windows, floor, held, made[CORD])
            for part in range(3):
                sums(moved[2 * part], windows, held, s1)
                sums(moved[2 * part + 1], windows, held, s2)
                at = CNTP if part == 0 else (SUMP if part == 1 else VSUMP)
                for w in range(N_WINDOWS):
                    for r in range(BLOCK):
                        total = windows[w] if part == 0 else s1[w, r] + s2[w, r] + TINY
                        made[at, w, r] = s1[w, r] / total
                        made[at + 1, w, r] = s2[w, r] / total
                        if part == 0:
                            made[at + 2, w, r] = made[at, w, r] - made[at + 1, w, r]
                        else:
                            made[at + 2, w, r] = (s1[w, r] - s2[w, r]) / total
            moments(v, windows, held, s1, s2)
            dispersion(v, windows, s1, s2, made[VMA], made[VSTD])
            moments(weighted, windows, held, s1, s2)
            dispersion(weighted, windows, s1, s2, s3, s4)
            quantiles(c, windows, 0.2, 0.8, ranked, left, made[QTLD], made[QTLU])
            for w in range(N_WINDOWS):
                d = windows[w]
                for r in range(BLOCK):
                    i = PAD + r
                    made[ROC, w, r] = c[i - d] / c[i]
                    made[RSV, w, r] = (c[i] - made[MIN, w, r]) / (
                        made[MAX, w, r] - made[MIN, w, r] + TINY
                    )
                    made[IMXD, w, r] = (made[IMAX, w, r] - made[IMIN, w, r]) / d
                    made[IMAX, w, r] /= d
                    made[IMIN, w, r] /= d
                    made[MAX, w, r] /= c[i]
                    made[MIN, w, r] /= c[i]
                    made[QTLU, w, r] /= c[i]
                    made[QTLD, w, r] /= c[i]
                    made[VMA, w, r] /= v[i] + TINY
                    made[VSTD, w, r] /= v[i] + TINY
                    made[WVMA, w, r] = s4[w, r] / (s3[w, r] + TINY)

            for f in range(N_BAR_FEATURES):
                needs = 1 if f in (0, 9) else (2 if f >= 10 else 3)
                put(bar_made[f], run[needs], 1, out[f, at_out : at_out + n])
            for f in range(29):
                needs = 0
                if f in (MAX, MIN, RSV, IMAX, IMIN, IMXD):
                    needs = 2
                elif f in (VMA, VSTD) or f >= VSUMP:
                    needs = 4
                elif f in (CORR, CORD):
                    needs = 5
                elif f == WVMA:
                    needs = 6
                before = f == ROC or CORD <= f <= SUMD or f >= VSUMP
                for w in range(N_WINDOWS):
                    least = windows[w] + 1 if before else windows[w]
                    at = N_BAR_FEATURES + f * N_WINDOWS + w
                    put(made[f, w], run[needs], least, out[at, at_out : at_out + n])
            at_out += n
