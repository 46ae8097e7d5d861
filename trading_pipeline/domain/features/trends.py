"""Features of trend: lines and averages drawn through the bars, and how far the close is from them.

The lookbacks of averages that remember their start are measured: from there on, a start elsewhere
moves the value by less than a thousandth of its spread.
"""

import numpy as np

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.kernels import rolling_mean, rolling_regression
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature

BARS = ("high", "low", "close")
CLOSE = ("close",)
WILDER = "Wilder (1978); TA-Lib"


def trend_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the family trend: grids of `config`, then trends of fixed length."""
    return (
        *(made for n in config.adx_sessions for made in _directional(n)),
        *(made for n in config.trend_sessions for made in _line(n)),
        *_averages(),
        *_crosses(),
        *_clouds(),
        *_others(),
    )


def _trend(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    source: str,
    compute: Compute,
    inputs: tuple[str, ...] = CLOSE,
    alternative: tuple[str, str] | None = None,
) -> Feature:
    return Feature(
        name=name,
        family="trend",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
        alternative=alternative,
    )


def _directional(n: int) -> tuple[Feature, ...]:
    def part(name: str, formula: str, lookback: int, function: str) -> Feature:
        return _trend(
            f"{name}_{n}",
            f"{formula} of {n} bars",
            "0..100",
            lookback,
            WILDER,
            lambda panel: panel.indicator(function, BARS, timeperiod=n)[0],
            BARS,
            ("adx", str(n)),
        )

    return (
        part("adx", "average directional index", 14 * n, "ADX"),
        part("plus_di", "upward directional index", 9 * n + 1, "PLUS_DI"),
        part("minus_di", "downward directional index", 9 * n + 1, "MINUS_DI"),
    )


def _line(n: int) -> tuple[Feature, ...]:
    choice = ("trend", str(n))

    def distance(panel: Panel) -> Values:
        return panel["close"] / panel.indicator("LINEARREG", CLOSE, timeperiod=n)[0] - 1

    def slope(panel: Panel) -> Values:
        return panel.indicator("LINEARREG_SLOPE", CLOSE, timeperiod=n)[0] / panel["close"]

    def fit(panel: Panel) -> Values:
        clock = panel.position.astype("float64")
        return rolling_regression(panel["close"], clock, panel.position, n)[1]

    def middle(panel: Panel) -> Values:
        return panel["close"] / panel.indicator("MIDPRICE", BARS[:2], timeperiod=n)[0] - 1

    def aroon(output: int) -> Compute:
        return lambda panel: panel.indicator("AROON", BARS[:2], timeperiod=n)[output]

    line = f"the regression line through the closes of {n} bars"
    return (
        _trend(
            f"trend_slope_{n}",
            f"slope of {line} / close",
            "frac per bar",
            n,
            "TA-Lib LINEARREG_SLOPE",
            slope,
            alternative=choice,
        ),
        _trend(
            f"trend_distance_{n}",
            f"close / end of {line} - 1",
            "frac",
            n,
            "TA-Lib LINEARREG",
            distance,
            alternative=choice,
        ),
        _trend(
            f"trend_fit_{n}",
            f"correlation of the closes of {n} bars with time",
            "-1..1",
            n,
            "strength of a linear trend",
            fit,
            alternative=choice,
        ),
        _trend(
            f"channel_distance_{n}",
            f"close / middle between highest high and lowest low of {n} bars - 1",
            "frac",
            n,
            "Donchian channel; TA-Lib MIDPRICE",
            middle,
            BARS,
            choice,
        ),
        *(
            _trend(
                f"aroon_{name}_{n}",
                f"100 x (1 - bars since the {extreme} of {n} bars / {n})",
                "0..100",
                n + 1,
                "Chande (1995); TA-Lib AROON",
                aroon(output),
                BARS[:2],
                choice,
            )
            for output, name, extreme in ((0, "down", "lowest low"), (1, "up", "highest high"))
        ),
    )


def _average_distance(name: str, formula: str, lookback: int, n: int, source: str) -> Feature:
    function = name.upper()
    return _trend(
        f"{name}_distance_{n}",
        f"close / {formula} of {n} bars - 1",
        "frac",
        lookback,
        f"{source}; TA-Lib {function}",
        lambda panel: panel["close"] / panel.indicator(function, CLOSE, timeperiod=n)[0] - 1,
    )


def _averages() -> tuple[Feature, ...]:
    return (
        _average_distance("wma", "linearly weighted mean", 20, 20, "weighted mean"),
        _average_distance("trima", "triangular mean", 20, 20, "triangular mean"),
        _average_distance("dema", "double exponential mean", 120, 20, "Mulloy (1994)"),
        _average_distance("tema", "triple exponential mean", 140, 20, "Mulloy (1994)"),
        _average_distance("t3", "sixfold exponential mean", 45, 5, "Tillson (1998)"),
        _average_distance("kama", "adaptive mean", 200, 10, "Kaufman (1995)"),
        _trend(
            "trix_15",
            "change of a triple exponential mean of 15 bars x 100",
            "percent",
            130,
            "Hutson (1983); TA-Lib TRIX",
            lambda panel: panel.indicator("TRIX", CLOSE, timeperiod=15)[0],
        ),
    )


def _mean_close(panel: Panel, n: int) -> Values:
    return panel.indicator("SMA", CLOSE, timeperiod=n)[0]


def _sma_ratio(short: int, long: int) -> Feature:
    return _trend(
        f"sma_ratio_{short}_{long}",
        f"mean close of {short} bars / of {long} - 1",
        "frac",
        long,
        "Brock, Lakonishok and LeBaron (1992)",
        lambda panel: _mean_close(panel, short) / _mean_close(panel, long) - 1,
    )


def _sma_change(n: int, step: int) -> Feature:
    def compute(panel: Panel) -> Values:
        mean = _mean_close(panel, n)
        return mean / panel.before(mean, step) - 1

    return _trend(
        f"sma_change_{n}",
        f"mean close of {n} bars / the same {step} bars before - 1",
        "frac",
        n + step,
        "slope of an average",
        compute,
    )


def _golden_cross(panel: Panel) -> Values:
    short, long = _mean_close(panel, 50), _mean_close(panel, 200)
    return np.where(np.isnan(long), np.nan, short > long)


def golden_cross() -> Feature:
    """The mean close of 50 bars above that of 200: 1 or 0."""
    return _trend(
        "is_golden_cross",
        "the mean close of 50 bars is above that of 200",
        "flag",
        200,
        "golden cross",
        _golden_cross,
    )


def _crosses() -> tuple[Feature, ...]:
    return (
        _sma_ratio(5, 20),
        _sma_ratio(20, 50),
        _sma_ratio(50, 200),
        golden_cross(),
        _sma_change(50, 10),
        _sma_change(200, 20),
    )


def _middle(panel: Panel, n: int) -> Values:
    return panel.indicator("MIDPRICE", BARS[:2], timeperiod=n)[0]


def _cloud(panel: Panel) -> Values:
    spans = (_middle(panel, 9) + _middle(panel, 26)) / 2, _middle(panel, 52)
    return panel.before((spans[0] + spans[1]) / 2, 26)


def _clouds() -> tuple[Feature, ...]:
    source = "Hosoda (1969), Ichimoku"
    return (
        _trend(
            "ichimoku_cross_9_26",
            "(middle of the range of 9 bars - of 26) / close",
            "frac",
            26,
            source,
            lambda panel: (_middle(panel, 9) - _middle(panel, 26)) / panel["close"],
            BARS,
        ),
        _trend(
            "ichimoku_cloud_distance",
            "close / middle of the cloud drawn 26 bars before - 1",
            "frac",
            78,
            source,
            lambda panel: panel["close"] / _cloud(panel) - 1,
            BARS,
        ),
    )


def _vortex(panel: Panel) -> Values:
    high, low = panel["high"], panel["low"]
    up = np.abs(high - panel.before(low, 1))
    down = np.abs(low - panel.before(high, 1))
    true_range = panel.indicator("TRANGE", BARS)[0]
    moved = rolling_mean(up - down, panel.position, 14)
    return moved / rolling_mean(true_range, panel.position, 14)


def _efficiency(panel: Panel) -> Values:
    path = rolling_mean(
        np.abs(panel["close"] - panel.before(panel["close"], 1)), panel.position, 20
    )
    return (panel["close"] - panel.before(panel["close"], 20)) / (20 * path)


def _others() -> tuple[Feature, ...]:
    return (
        _trend(
            "sar_distance",
            "close / parabolic stop and reverse - 1",
            "frac",
            150,
            "Wilder (1978); TA-Lib SAR",
            lambda panel: panel["close"] / panel.indicator("SAR", BARS[:2])[0] - 1,
            BARS,
        ),
        _trend(
            "aroon_25",
            "(bars since the lowest low - since the highest high) of 25 bars x 4",
            "-100..100",
            26,
            "Chande (1995); TA-Lib AROONOSC",
            lambda panel: panel.indicator("AROONOSC", BARS[:2], timeperiod=25)[0],
            BARS[:2],
        ),
        _trend(
            "vortex_14",
            "sum of |high - low before| - |low - high before| / sum of true ranges, 14 bars",
            "1",
            15,
            "Botes and Siepman (2010)",
            _vortex,
            BARS,
        ),
        _trend(
            "efficiency_20",
            "change of the close over 20 bars / sum of its absolute one-bar changes",
            "-1..1",
            21,
            "Kaufman (1995)",
            _efficiency,
        ),
        *(
            _trend(
                f"year_{name}_age",
                f"bars since the {extreme} of 252 bars / 252",
                "0..1",
                253,
                "George and Hwang (2004); TA-Lib AROON",
                _year_age(output),
                BARS[:2],
            )
            for output, name, extreme in ((0, "low", "lowest low"), (1, "high", "highest high"))
        ),
    )


def _year_age(output: int) -> Compute:
    return lambda panel: 1 - panel.indicator("AROON", BARS[:2], timeperiod=252)[output] / 100
