"""Candle patterns of TA-Lib: -1 bearish, 1 bullish, 0 where the pattern is not there."""

import numpy as np

from trading_pipeline.domain.features.kernels import rolling_mean
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Feature

WHOLE = ("open", "high", "low", "close")
BALANCE_BARS = 10
# Pattern: TA-Lib's function, the bars it needs, and what it is.
PATTERNS = {
    "doji": ("CDLDOJI", 11, "open and close about equal"),
    "hammer": ("CDLHAMMER", 12, "small body above a long lower shadow, at a low"),
    "hanging_man": ("CDLHANGINGMAN", 12, "small body above a long lower shadow, at a high"),
    "inverted_hammer": ("CDLINVERTEDHAMMER", 12, "small body below a long upper shadow, at a low"),
    "shooting_star": ("CDLSHOOTINGSTAR", 12, "small body below a long upper shadow, at a high"),
    "marubozu": ("CDLMARUBOZU", 11, "long body without shadows"),
    "spinning_top": ("CDLSPINNINGTOP", 11, "small body between longer shadows"),
    "long_line": ("CDLLONGLINE", 11, "long body with short shadows"),
    "belt_hold": ("CDLBELTHOLD", 11, "long body that opens at its extreme"),
    "engulfing": ("CDLENGULFING", 3, "body that holds the body before"),
    "harami": ("CDLHARAMI", 12, "small body inside the long body before"),
    "piercing": ("CDLPIERCING", 12, "opens below and closes in the upper half of the body before"),
    "dark_cloud": ("CDLDARKCLOUDCOVER", 12, "opens above and closes deep in the body before"),
    "morning_star": ("CDLMORNINGSTAR", 13, "long fall, small body, rise into the fall"),
    "evening_star": ("CDLEVENINGSTAR", 13, "long rise, small body, fall into the rise"),
    "three_inside": ("CDL3INSIDE", 13, "harami, then a close beyond it"),
    "three_outside": ("CDL3OUTSIDE", 4, "engulfing, then a close beyond it"),
    "three_soldiers": ("CDL3WHITESOLDIERS", 13, "three long rises in a row"),
    "three_crows": ("CDL3BLACKCROWS", 14, "three long falls in a row"),
    "hikkake": ("CDLHIKKAKE", 6, "false breakout of an inside bar"),
}


def candle_features() -> tuple[Feature, ...]:
    """Return the family candle: one feature a pattern, and the balance of all of them."""
    longest = max(lookback for _, lookback, _ in PATTERNS.values())
    return (
        *(_candle(name, *pattern) for name, pattern in PATTERNS.items()),
        Feature(
            name=f"candle_balance_{BALANCE_BARS}",
            family="candle",
            formula=f"mean of {BALANCE_BARS} bars of bullish - bearish candle patterns",
            unit="patterns per bar",
            lookback_sessions=longest + BALANCE_BARS - 1,
            inputs=WHOLE,
            source="Nison (1991); TA-Lib",
            compute=_balance,
        ),
    )


def _sign(panel: Panel, function: str) -> Values:
    return np.sign(panel.indicator(function, WHOLE)[0])


def _candle(name: str, function: str, lookback: int, meaning: str) -> Feature:
    return Feature(
        name=f"candle_{name}",
        family="candle",
        formula=f"{meaning}; 1 bullish, -1 bearish, 0 absent",
        unit="-1..1",
        lookback_sessions=lookback,
        inputs=WHOLE,
        source=f"Nison (1991); TA-Lib {function}",
        compute=lambda panel: _sign(panel, function),
    )


def _balance(panel: Panel) -> Values:
    total = np.zeros(panel.size)
    for function, _, _ in PATTERNS.values():
        total += _sign(panel, function)
    return rolling_mean(total, panel.position, BALANCE_BARS)
