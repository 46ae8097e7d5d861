"""Features of a symbol's own closes: returns, volatility, and where the price stands."""

import numpy as np

from trading_pipeline.domain.features.kernels import rolling_mean, rolling_skewness, rolling_std
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Feature

YEAR = 252
ANNUAL = float(np.sqrt(YEAR))
RETURN_SESSIONS = (1, 2, 3, 5, 10, 20, 60, 120, 252)
VOLATILITY_SESSIONS = (5, 10, 20, 60, 120)


def past_return(n: int) -> Feature:
    """Return over the last n bars."""
    return Feature(
        name=f"return_{n}",
        family="return",
        formula=f"close / close {n} bars before - 1",
        unit="frac",
        lookback_sessions=n + 1,
        inputs=("close",),
        source="simple return",
        compute=lambda panel: panel.past_change(n),
    )


def volatility(n: int) -> Feature:
    """Realised volatility of the last n returns."""
    return Feature(
        name=f"volatility_{n}",
        family="volatility",
        formula=f"standard deviation of {n} log returns x sqrt(252)",
        unit="frac per year",
        lookback_sessions=n + 1,
        inputs=("close",),
        source="realised volatility",
        compute=lambda panel: rolling_std(panel.log_return, panel.position, n) * ANNUAL,
    )


def price_features() -> tuple[Feature, ...]:
    """Return the families return, volatility and place."""
    return (*_returns(), *_volatilities(), *_places())


def _momentum(panel: Panel) -> Values:
    skipped = panel.past_change(21)
    return (1 + panel.past_change(YEAR)) / (1 + skipped) - 1


def _returns() -> tuple[Feature, ...]:
    return (
        *(past_return(n) for n in RETURN_SESSIONS),
        Feature(
            name="momentum_12_1",
            family="return",
            formula="close 21 bars before / close 252 bars before - 1",
            unit="frac",
            lookback_sessions=YEAR + 1,
            inputs=("close",),
            source="Jegadeesh and Titman (1993)",
            compute=_momentum,
        ),
        Feature(
            name="gap",
            family="return",
            formula="open / close of the bar before - 1",
            unit="frac",
            lookback_sessions=2,
            inputs=("open", "close"),
            source="overnight return",
            compute=lambda panel: panel["open"] / panel["close"] * (1 + panel.past_change(1)) - 1,
        ),
        Feature(
            name="intraday_return",
            family="return",
            formula="close / open - 1",
            unit="frac",
            lookback_sessions=1,
            inputs=("open", "close"),
            source="intraday return",
            compute=lambda panel: panel["close"] / panel["open"] - 1,
        ),
    )


def _downside(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        losses = np.minimum(panel.log_return, 0.0) ** 2
        mean: Values = rolling_mean(losses, panel.position, n)
        return np.sqrt(mean) * ANNUAL

    return Feature(
        name=f"downside_volatility_{n}",
        family="volatility",
        formula=f"root mean square of the negative ones of {n} log returns x sqrt(252)",
        unit="frac per year",
        lookback_sessions=n + 1,
        inputs=("close",),
        source="Sortino and Price (1994)",
        compute=compute,
    )


def _skewness(n: int) -> Feature:
    return Feature(
        name=f"skewness_{n}",
        family="volatility",
        formula=f"skewness of {n} log returns",
        unit="1",
        lookback_sessions=n + 1,
        inputs=("close",),
        source="third standardised moment",
        compute=lambda panel: rolling_skewness(panel.log_return, panel.position, n),
    )


def _extreme_return(name: str, function: str, n: int) -> Feature:
    return Feature(
        name=f"{name}_{n}",
        family="volatility",
        formula=f"{function.lower()} of {n} one-bar returns",
        unit="frac",
        lookback_sessions=n + 1,
        inputs=("close",),
        source="Bali, Cakici and Whitelaw (2011)",
        compute=lambda panel: panel.indicator(function, ("return",), timeperiod=n)[0],
    )


def _volatilities() -> tuple[Feature, ...]:
    short, long = volatility(5), volatility(60)
    return (
        *(volatility(n) for n in VOLATILITY_SESSIONS),
        *(_downside(n) for n in (20, 60)),
        *(_skewness(n) for n in (60, 120)),
        _extreme_return("max_return", "MAX", 20),
        _extreme_return("min_return", "MIN", 20),
        Feature(
            name="volatility_ratio_5_60",
            family="volatility",
            formula="volatility_5 / volatility_60",
            unit="ratio",
            lookback_sessions=61,
            inputs=("close",),
            source="volatility term structure",
            compute=lambda panel: panel.value(short) / panel.value(long),
        ),
    )


def _highest(panel: Panel, n: int) -> Values:
    return panel.indicator("MAX", ("close",), timeperiod=n)[0]


def _lowest(panel: Panel, n: int) -> Values:
    return panel.indicator("MIN", ("close",), timeperiod=n)[0]


def drawdown(n: int, name: str, source: str) -> Feature:
    """Distance of the close from the highest of n bars."""
    return Feature(
        name=name,
        family="place",
        formula=f"close / highest close of {n} bars - 1",
        unit="frac",
        lookback_sessions=n,
        inputs=("close",),
        source=source,
        compute=lambda panel: panel["close"] / _highest(panel, n) - 1,
    )


def place(n: int) -> Feature:
    """Place of the close in the range of the closes of n bars."""

    def compute(panel: Panel) -> Values:
        low, high = _lowest(panel, n), _highest(panel, n)
        return (panel["close"] - low) / (high - low)

    return Feature(
        name=f"place_{n}",
        family="place",
        formula=f"(close - lowest close) / (highest - lowest close) of {n} bars",
        unit="0..1",
        lookback_sessions=n,
        inputs=("close",),
        source="stochastic place",
        compute=compute,
    )


def _places() -> tuple[Feature, ...]:
    return (
        drawdown(YEAR, "high_distance_252", "George and Hwang (2004)"),
        Feature(
            name="low_distance_252",
            family="place",
            formula="close / lowest close of 252 bars - 1",
            unit="frac",
            lookback_sessions=YEAR,
            inputs=("close",),
            source="George and Hwang (2004)",
            compute=lambda panel: panel["close"] / _lowest(panel, YEAR) - 1,
        ),
        place(20),
        place(60),
        place(YEAR),
        drawdown(20, "drawdown_20", "drawdown"),
        drawdown(60, "drawdown_60", "drawdown"),
    )
