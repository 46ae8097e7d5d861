"""Alpha158 read from its published formulas with plain pandas, one symbol and window at a time.

Windows need all their bars (rolling's own default), which is the project's rule.
"""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12
FLAT = 2e-5


def alpha158_of(bars):
    """Return the 158 columns of one segment: open, high, low, close, vwap and volume by bar."""
    o, h, low, c, vwap, v = (
        bars[name] for name in ("open", "high", "low", "close", "vwap", "volume")
    )
    span = h - low + TINY
    top, bottom = np.maximum(o, c), np.minimum(o, c)
    made = {
        "KMID": (c - o) / o,
        "KLEN": (h - low) / o,
        "KMID2": (c - o) / span,
        "KUP": (h - top) / o,
        "KUP2": (h - top) / span,
        "KLOW": (bottom - low) / o,
        "KLOW2": (bottom - low) / span,
        "KSFT": (2 * c - h - low) / o,
        "KSFT2": (2 * c - h - low) / span,
        "OPEN0": o / c,
        "HIGH0": h / c,
        "LOW0": low / c,
        "VWAP0": vwap / c,
    }
    before, volume_before = c.shift(), v.shift()
    change, volume_change = c - before, v - volume_before
    weighted = (c / before - 1).abs() * v
    with np.errstate(divide="ignore", invalid="ignore"):
        growth = np.log(v / volume_before + 1).replace([np.inf, -np.inf], np.nan)
    for d in WINDOWS:
        lines = over_windows(c, d, line_through)
        made[f"ROC{d}"] = c.shift(d) / c
        made[f"MA{d}"] = c.rolling(d).mean() / c
        made[f"STD{d}"] = over_windows(c, d, deviation) / c
        made[f"BETA{d}"] = lines[0] / c
        made[f"RSQR{d}"] = lines[1].where(over_windows(c, d, deviation) > FLAT * c)
        made[f"RESI{d}"] = lines[2] / c
        made[f"MAX{d}"] = h.rolling(d).max() / c
        made[f"MIN{d}"] = low.rolling(d).min() / c
        made[f"QTLU{d}"] = c.rolling(d).quantile(0.8) / c
        made[f"QTLD{d}"] = c.rolling(d).quantile(0.2) / c
        made[f"RANK{d}"] = c.rolling(d).rank(pct=True)
        reach = h.rolling(d).max() - low.rolling(d).min()
        made[f"RSV{d}"] = (c - low.rolling(d).min()) / (reach + TINY)
        highest = h.rolling(d).apply(lambda x: x.argmax() + 1, raw=True)
        lowest = low.rolling(d).apply(lambda x: x.argmin() + 1, raw=True)
        made[f"IMAX{d}"] = highest / d
        made[f"IMIN{d}"] = lowest / d
        made[f"IMXD{d}"] = (highest - lowest) / d
        made[f"CORR{d}"] = correlation(c, np.log(v + 1), d, FLAT * c)
        made[f"CORD{d}"] = correlation(c / before, growth, d, FLAT)
        up, down = (change > 0).astype(float), (change < 0).astype(float)
        up[change.isna()] = down[change.isna()] = np.nan
        made[f"CNTP{d}"] = up.rolling(d).mean()
        made[f"CNTN{d}"] = down.rolling(d).mean()
        made[f"CNTD{d}"] = made[f"CNTP{d}"] - made[f"CNTN{d}"]
        gains, losses, total = (
            over_windows(x, d, np.sum) for x in (change.clip(0), -change.clip(upper=0), abs(change))
        )
        made[f"SUMP{d}"] = gains / (total + TINY)
        made[f"SUMN{d}"] = losses / (total + TINY)
        made[f"SUMD{d}"] = (gains - losses) / (total + TINY)
        made[f"VMA{d}"] = over_windows(v, d, np.mean) / (v + TINY)
        made[f"VSTD{d}"] = over_windows(v, d, deviation) / (v + TINY)
        made[f"WVMA{d}"] = over_windows(weighted, d, deviation) / (
            over_windows(weighted, d, np.mean) + TINY
        )
        gains, losses, total = (
            over_windows(x, d, np.sum)
            for x in (
                volume_change.clip(0),
                -volume_change.clip(upper=0),
                volume_change.abs(),
            )
        )
        made[f"VSUMP{d}"] = gains / (total + TINY)
        made[f"VSUMN{d}"] = losses / (total + TINY)
        made[f"VSUMD{d}"] = (gains - losses) / (total + TINY)
    return pd.DataFrame(made)


def over_windows(series, d, function):
    """Return a function of each whole window; rolling sums of pandas keep old bars' rounding."""
    values = series.to_numpy(float)
    shape = () if function is not line_through else (3,)
    made = np.full((*shape, len(values)), np.nan)
    if len(values) >= d:
        made[..., d - 1 :] = function(sliding_window_view(values, d), axis=-1)
    if shape:
        return [pd.Series(part, index=series.index) for part in made]
    return pd.Series(made, index=series.index)


def deviation(windows, axis):
    """Return the sample standard deviation; 0 where all values are one."""
    same = (windows == windows[..., :1]).all(axis=axis)
    return np.where(same, 0.0, windows.std(axis=axis, ddof=1))


def line_through(windows, axis):
    """Return slope, R squared and last residual of each window's least-squares line."""
    d = windows.shape[axis]
    x = np.arange(1, d + 1) - (d + 1) / 2
    y = windows - windows.mean(axis=axis, keepdims=True)
    slope = (y * x).sum(axis=axis) / (x * x).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = slope**2 * (x * x).sum() / (y * y).sum(axis=axis)
    return np.stack([slope, explained, y[..., -1] - slope * x[-1]])


def correlation(x, y, d, least):
    """Return the correlation of each window, missing where a side hardly varies."""
    if len(x) < d:
        return pd.Series(np.nan, index=x.index)
    a, b = (sliding_window_view(s.to_numpy(float), d) for s in (x, y))
    a, b = a - a.mean(axis=-1, keepdims=True), b - b.mean(axis=-1, keepdims=True)
    made = np.full(len(x), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        made[d - 1 :] = (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    varies = over_windows(x, d, deviation) > least
    varies &= over_windows(y, d, deviation) > FLAT
    return pd.Series(made, index=x.index).where(varies)
