"""Alpha158 of Qlib: the names and formulas of its 158 features, and their registry entries.

Where Qlib computes a window from what it has (min_periods = 1), a window here needs all its bars:
d own bars in the segment, d + 1 where it looks one back, each with every input present; else the
value is missing. Prices are relative to the segment's first close, as in Qlib's own data. RSQR and
CORR are missing, as published, where a side's standard deviation is at most 2e-5, with closes
counted in units of the row's close so that no price level is read; CORD where a bar follows one
without volume.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.domain.features.alpha158_kernels import alpha158_kernel
from trading_pipeline.domain.features.bar_columns import N_RUNS, present_runs
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Feature

WINDOWS: Final = (5, 10, 20, 30, 60)
SOURCE: Final = "Qlib Alpha158 (Yang et al. 2020)"
ALL: Final = ("open", "high", "low", "close")
RANGE: Final = ("high", "low", "close")
# Name, formula in words, unit, inputs; {d} is the window.
BAR_FEATURES: Final = (
    ("KMID", "(close - open) / open", "frac", ("open", "close")),
    ("KLEN", "(high - low) / open", "frac", ALL),
    ("KMID2", "(close - open) / (high - low)", "-1..1", ALL),
    ("KUP", "(high - the greater of open and close) / open", "frac", ALL),
    ("KUP2", "(high - the greater of open and close) / (high - low)", "0..1", ALL),
    ("KLOW", "(the lesser of open and close - low) / open", "frac", ALL),
    ("KLOW2", "(the lesser of open and close - low) / (high - low)", "0..1", ALL),
    ("KSFT", "(2 close - high - low) / open", "frac", ALL),
    ("KSFT2", "(2 close - high - low) / (high - low)", "-1..1", ALL),
    ("OPEN0", "open / close", "ratio", ("open", "close")),
    ("HIGH0", "high / close", "ratio", RANGE),
    ("LOW0", "low / close", "ratio", RANGE),
    ("VWAP0", "vwap / close; (high + low + close) / 3 where there is no vwap", "ratio", RANGE),
)
WINDOW_FEATURES: Final = (
    ("ROC", "close {d} bars before / close", "ratio", ("close",)),
    ("MA", "mean close of {d} bars / close", "ratio", ("close",)),
    ("STD", "standard deviation of {d} closes / close", "frac", ("close",)),
    ("BETA", "slope of {d} closes on time / close", "frac per bar", ("close",)),
    ("RSQR", "share of {d} closes' variance that a line in time explains", "0..1", ("close",)),
    ("RESI", "close - the line through {d} closes, / close", "frac", ("close",)),
    ("MAX", "highest high of {d} bars / close", "ratio", RANGE),
    ("MIN", "lowest low of {d} bars / close", "ratio", RANGE),
    ("QTLU", "80 % quantile of {d} closes / close", "ratio", ("close",)),
    ("QTLD", "20 % quantile of {d} closes / close", "ratio", ("close",)),
    ("RANK", "rank of the close among {d} closes / {d}, ties share", "0..1", ("close",)),
    ("RSV", "(close - lowest low) / (highest high - lowest low) of {d} bars", "0..1", RANGE),
    ("IMAX", "place of the highest high among {d} bars / {d}, 1 is today", "0..1", RANGE),
    ("IMIN", "place of the lowest low among {d} bars / {d}, 1 is today", "0..1", RANGE),
    ("IMXD", "IMAX - IMIN of {d} bars", "-1..1", RANGE),
    ("CORR", "correlation of close and ln(shares + 1), {d} bars", "-1..1", ("close", "volume")),
    (
        "CORD",
        "correlation of close / close before and ln(volume / volume before + 1), {d} bars",
        "-1..1",
        ("close", "volume"),
    ),
    ("CNTP", "share of {d} closes above the close before", "0..1", ("close",)),
    ("CNTN", "share of {d} closes below the close before", "0..1", ("close",)),
    ("CNTD", "share of {d} closes above less share below the close before", "-1..1", ("close",)),
    ("SUMP", "rises of the close / all its changes, {d} bars", "0..1", ("close",)),
    ("SUMN", "falls of the close / all its changes, {d} bars", "0..1", ("close",)),
    ("SUMD", "(rises - falls) / all changes of the close, {d} bars", "-1..1", ("close",)),
    ("VMA", "mean volume of {d} bars / volume", "ratio", ("volume",)),
    ("VSTD", "standard deviation of volume of {d} bars / volume", "ratio", ("volume",)),
    (
        "WVMA",
        "standard deviation / mean of |return| x volume, {d} bars",
        "ratio",
        ("close", "volume"),
    ),
    ("VSUMP", "rises of volume / all its changes, {d} bars", "0..1", ("volume",)),
    ("VSUMN", "falls of volume / all its changes, {d} bars", "0..1", ("volume",)),
    ("VSUMD", "(rises - falls) / all changes of volume, {d} bars", "-1..1", ("volume",)),
)
# Windows that need a bar more than they hold.
LOOKS_BACK: Final = (
    "ROC", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "WVMA",
    "VSUMP", "VSUMN", "VSUMD",
)  # fmt: skip
NAMES: Final = (
    *(name for name, *_ in BAR_FEATURES),
    *(f"{name}{d}" for name, *_ in WINDOW_FEATURES for d in WINDOWS),
)
# Published as / (volume + 1e-12), which without volume is a number of shares x 1e12.
OVER_VOLUME: Final = ("VMA", "VSTD")


def alpha158_features() -> tuple[Feature, ...]:
    """Return the 158 features, in Qlib's order; VMA and VSTD are missing without volume today."""
    bars = [
        _feature(name, name, formula, unit, inputs, 1)
        for name, formula, unit, inputs in BAR_FEATURES
    ]
    rolling = [
        _feature(
            f"{name}{d}",
            name,
            formula.format(d=d),
            unit,
            inputs,
            d + 1 if name in LOOKS_BACK else d,
        )
        for name, formula, unit, inputs in WINDOW_FEATURES
        for d in WINDOWS
    ]
    return (*bars, *rolling)


def _block(panel: Panel) -> NDArray[np.float32]:
    """Return all 158 of a panel, (158, n_rows); half precision of a double, as 158 are many."""
    prices = [panel[name] for name in (*ALL, "vwap")]
    values = np.stack([*prices, panel.shares])
    runs = present_runs(values, panel.is_first, np.zeros((N_RUNS, panel.size), dtype="int32"))
    block = np.empty((len(NAMES), panel.size), dtype="float32")
    whole = np.zeros(1, dtype="int64"), np.full(1, panel.size, dtype="int64")
    alpha158_kernel(values, runs, *whole, np.array(WINDOWS, dtype="int64"), block)
    return block


def _feature(
    name: str, kind: str, formula: str, unit: str, inputs: tuple[str, ...], lookback: int
) -> Feature:
    row = NAMES.index(name)

    def compute(panel: Panel) -> Values:
        block = panel.made_once("alpha158", lambda: _block(panel))
        values = block[row].astype("float64")
        return np.where(panel.shares > 0, values, np.nan) if kind in OVER_VOLUME else values

    return Feature(
        name=name,
        family="alpha158",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=SOURCE,
        compute=compute,
    )
