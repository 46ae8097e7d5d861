"""Features of money flow and of what trading costs: volume beside prices, free of its unit."""

import numpy as np

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.kernels import rolling_mean, rolling_regression, rolling_std
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature

BARS = ("high", "low", "close")
TRADED = (*BARS, "volume")
PRICED = ("close", "volume")


def flow_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the families flow and liquidity: the grid of `config`, then fixed lengths."""
    return (
        *(made for n in config.flow_sessions for made in _grid(n)),
        *_balances(),
        *_costs(),
    )


def _flow(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    source: str,
    compute: Compute,
    inputs: tuple[str, ...] = TRADED,
    alternative: tuple[str, str] | None = None,
    family: str = "flow",
) -> Feature:
    return Feature(
        name=name,
        family=family,
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
        alternative=alternative,
    )


def _sum_ratio(panel: Panel, over: Values, under: Values, n: int) -> Values:
    total = rolling_mean(under, panel.position, n)
    return rolling_mean(over, panel.position, n) / np.where(total > 0, total, np.nan)


def _pressed(panel: Panel) -> Values:
    """Volume times where the bar closed, -1 at its low to 1 at its high; 0 without a range."""
    spread = panel["high"] - panel["low"]
    gap = 2 * panel["close"] - panel["high"] - panel["low"]
    return np.where(spread > 0, gap / np.where(spread > 0, spread, 1.0), 0.0) * panel["volume"]


def _volume_z(panel: Panel, n: int) -> Values:
    volume = panel["volume"]
    mean = rolling_mean(volume, panel.position, n)
    return (volume - mean) / rolling_std(volume, panel.position, n)


def _grid(n: int) -> tuple[Feature, ...]:
    choice = ("flow", str(n))

    def vwap_distance(panel: Panel) -> Values:
        typical = (panel["high"] + panel["low"] + panel["close"]) / 3
        mean = _sum_ratio(panel, typical * panel["volume"], panel["volume"], n)
        return panel["close"] / mean - 1

    return (
        _flow(
            f"money_flow_{n}",
            f"sum of volume x place of the close in its bar (-1..1) / sum of volume, {n} bars",
            "-1..1",
            n,
            "Chaikin money flow",
            lambda panel: _sum_ratio(panel, _pressed(panel), panel["volume"], n),
            alternative=choice,
        ),
        _flow(
            f"vwap_distance_{n}",
            f"close / mean of (high + low + close) / 3, weighted by volume, of {n} bars - 1",
            "frac",
            n,
            "volume-weighted average price",
            vwap_distance,
            alternative=choice,
        ),
        _flow(
            f"volume_z_{n}",
            f"(volume - its mean of {n} bars) / its standard deviation",
            "1",
            n,
            "abnormal volume",
            lambda panel: _volume_z(panel, n),
            ("volume",),
            choice,
        ),
    )


def _ad_slope(panel: Panel) -> Values:
    line = panel.indicator("AD", TRADED)[0]
    clock = panel.position.astype("float64")
    drift = rolling_regression(line, clock, panel.position, 20)[0]
    return drift / rolling_mean(panel["volume"], panel.position, 20)


def _chaikin(panel: Panel) -> Values:
    swing = panel.indicator("ADOSC", TRADED, fastperiod=3, slowperiod=10)[0]
    return swing / rolling_mean(panel["volume"], panel.position, 20)


def _signed_volume(panel: Panel) -> Values:
    return np.sign(panel["return"]) * panel["volume"]


def _force(panel: Panel) -> Values:
    return panel["return"] * panel["volume"]


def _volume_trend(panel: Panel) -> Values:
    logs = np.log(np.where(panel["volume"] > 0, panel["volume"], np.nan))
    clock = panel.position.astype("float64")
    return rolling_regression(logs, clock, panel.position, 20)[0]


def _volume_ratio(panel: Panel) -> Values:
    short = rolling_mean(panel["volume"], panel.position, 5)
    return np.log(short / rolling_mean(panel["volume"], panel.position, 60))


def _volume_place(panel: Panel) -> Values:
    low = panel.indicator("MIN", ("volume",), timeperiod=252)[0]
    high = panel.indicator("MAX", ("volume",), timeperiod=252)[0]
    return (panel["volume"] - low) / (high - low)


def _balances() -> tuple[Feature, ...]:
    return (
        _flow(
            "ad_slope_20",
            "slope of the accumulation line over 20 bars / mean volume of 20 bars",
            "1 per bar",
            20,
            "Chaikin; TA-Lib AD",
            _ad_slope,
        ),
        _flow(
            "chaikin_swing_3_10",
            "EMA of 3 - EMA of 10 bars of the accumulation line / mean volume of 20 bars",
            "1",
            60,
            "Chaikin; TA-Lib ADOSC",
            _chaikin,
        ),
        _flow(
            "signed_volume_20",
            "sum of volume signed by its bar's return / sum of volume, 20 bars",
            "-1..1",
            21,
            "Granville (1963)",
            lambda panel: _sum_ratio(panel, _signed_volume(panel), panel["volume"], 20),
            PRICED,
        ),
        *(
            _flow(
                f"force_{n}",
                f"mean return of {n} bars, weighted by volume",
                "frac",
                n + 1,
                "Elder (1993)",
                lambda panel, n=n: _sum_ratio(panel, _force(panel), panel["volume"], n),  # type: ignore[misc]
                PRICED,
            )
            for n in (5, 20)
        ),
        _flow(
            "volume_trend_20",
            "slope of ln(volume) over 20 bars",
            "1 per bar",
            20,
            "volume trend",
            _volume_trend,
            ("volume",),
        ),
        _flow(
            "log_volume_ratio_5_60",
            "ln(mean volume of 5 bars / of 60)",
            "1",
            60,
            "abnormal volume",
            _volume_ratio,
            ("volume",),
        ),
        _flow(
            "volume_place_252",
            "(volume - lowest) / (highest - lowest) of 252 bars",
            "0..1",
            252,
            "Gervais, Kaniel and Mingelgrin (2001)",
            _volume_place,
            ("volume",),
        ),
    )


def _roll_spread(panel: Panel) -> Values:
    logs = panel.log_return
    before = panel.before(logs, 1)
    n = 60
    both = rolling_mean(logs * before, panel.position, n)
    apart = rolling_mean(logs, panel.position, n) * rolling_mean(before, panel.position, n)
    return 2 * np.sqrt(np.maximum(apart - both, 0.0))


def _high_low_spread(panel: Panel) -> Values:
    """Corwin and Schultz's spread of each pair of bars, negative ones as 0."""
    high, low, close = panel["high"], panel["low"], panel["close"]
    # A gap overnight is no spread: both bars are compared at the price between them.
    gap = np.maximum(0.0, low - panel.before(close, 1)) + np.minimum(
        0.0, high - panel.before(close, 1)
    )
    high, low = high - gap, low - gap
    one = np.log(panel["high"] / panel["low"]) ** 2
    beta = one + panel.before(one, 1)
    top = np.maximum(high, panel.before(panel["high"], 1))
    gamma = np.log(top / np.minimum(low, panel.before(panel["low"], 1))) ** 2
    scale = 3 - 2 * np.sqrt(2)
    alpha = (np.sqrt(2 * beta) - np.sqrt(beta)) / scale - np.sqrt(gamma / scale)
    return np.asarray(np.maximum(2 * np.expm1(alpha) / (1 + np.exp(alpha)), 0.0))


def _impact(panel: Panel) -> Values:
    volume = np.where(panel["volume"] > 0, panel["volume"], np.nan)
    turnover = panel["close"] * volume
    cost = np.abs(panel["return"]) / turnover
    level = rolling_mean(turnover, panel.position, 60)
    return np.log(rolling_mean(cost, panel.position, 5) * level)


def _costs() -> tuple[Feature, ...]:
    return (
        _flow(
            "roll_spread_60",
            "2 x sqrt(-covariance of 60 log returns with those of the bar before), 0 if positive",
            "frac",
            62,
            "Roll (1984)",
            _roll_spread,
            ("close",),
            family="liquidity",
        ),
        _flow(
            "high_low_spread_20",
            "mean of 20 spreads told from the highs and lows of two bars",
            "frac",
            21,
            "Corwin and Schultz (2012)",
            lambda panel: rolling_mean(_high_low_spread(panel), panel.position, 20),
            BARS,
            family="liquidity",
        ),
        _flow(
            "log_impact_5_60",
            "ln(mean of |return| / (close x volume) over 5 bars x mean of close x volume over 60)",
            "1",
            60,
            "Amihud (2002), against the symbol's own turnover",
            _impact,
            PRICED,
            family="liquidity",
        ),
    )
