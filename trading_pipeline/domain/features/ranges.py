"""Features of volatility that read the whole bar: open, high, low and close."""

import numpy as np

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.kernels import rolling_mean, rolling_std
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.prices import ANNUAL, volatility
from trading_pipeline.domain.features.registry import Compute, Feature

BARS = ("high", "low", "close")
WHOLE = ("open", *BARS)
PER_YEAR = "frac per year"


def range_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the grid of range-based volatilities and ratios of ranges."""
    return (*(made for n in config.range_sessions for made in _estimators(n)), *_ratios())


def _range(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    source: str,
    compute: Compute,
    inputs: tuple[str, ...] = BARS,
    alternative: tuple[str, str] | None = None,
) -> Feature:
    return Feature(
        name=name,
        family="volatility",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
        alternative=alternative,
    )


def _squared_range(panel: Panel) -> Values:
    return np.asarray(np.log(panel["high"] / panel["low"]) ** 2)


def _garman_klass(panel: Panel) -> Values:
    body = np.log(panel["close"] / panel["open"]) ** 2
    return np.asarray(0.5 * _squared_range(panel) - (2 * np.log(2) - 1) * body)


def _rogers_satchell(panel: Panel) -> Values:
    up, down = np.log(panel["high"] / panel["open"]), np.log(panel["low"] / panel["open"])
    body = np.log(panel["close"] / panel["open"])
    return np.asarray(up * (up - body) + down * (down - body))


def _overnight(panel: Panel) -> Values:
    return np.log(panel["open"] / panel.before(panel["close"], 1))


def _yang_zhang(panel: Panel, n: int) -> Values:
    weight = 0.34 / (1.34 + (n + 1) / (n - 1))
    night = rolling_std(_overnight(panel), panel.position, n) ** 2
    day = rolling_std(np.log(panel["close"] / panel["open"]), panel.position, n) ** 2
    within = rolling_mean(_rogers_satchell(panel), panel.position, n)
    return night + weight * day + (1 - weight) * within


def _annual_root(variance: Values) -> Values:
    return np.sqrt(np.maximum(variance, 0.0)) * ANNUAL


def _estimators(n: int) -> tuple[Feature, ...]:
    def mean_of(squares: Compute) -> Compute:
        return lambda panel: _annual_root(rolling_mean(squares(panel), panel.position, n))

    def part(
        name: str,
        formula: str,
        lookback: int,
        source: str,
        compute: Compute,
        inputs: tuple[str, ...],
    ) -> Feature:
        return _range(
            f"{name}_volatility_{n}",
            f"{formula} over {n} bars x 252)",
            PER_YEAR,
            lookback,
            source,
            compute,
            inputs,
            ("range", str(n)),
        )

    return (
        part(
            "parkinson",
            "sqrt(mean of ln(high / low)^2 / (4 ln 2)",
            n,
            "Parkinson (1980)",
            mean_of(lambda panel: _squared_range(panel) / (4 * np.log(2))),
            ("high", "low"),
        ),
        part(
            "garman_klass",
            "sqrt(mean of ln(high / low)^2 / 2 - (2 ln 2 - 1) ln(close / open)^2",
            n,
            "Garman and Klass (1980)",
            mean_of(_garman_klass),
            WHOLE,
        ),
        part(
            "rogers_satchell",
            "sqrt(mean of ln(h/o) ln(h/c) + ln(l/o) ln(l/c)",
            n,
            "Rogers and Satchell (1991)",
            mean_of(_rogers_satchell),
            WHOLE,
        ),
        part(
            "yang_zhang",
            "sqrt(variance overnight, from open to close, and Rogers-Satchell, weighted,",
            n + 1,
            "Yang and Zhang (2000)",
            lambda panel: _annual_root(_yang_zhang(panel, n)),
            WHOLE,
        ),
    )


def _true_range(panel: Panel) -> Values:
    return panel.indicator("TRANGE", BARS)[0]


def _expansion(panel: Panel) -> Values:
    return np.log(_true_range(panel) / rolling_mean(_true_range(panel), panel.position, 20))


def _contraction(panel: Panel) -> Values:
    share = _true_range(panel) / panel["close"]
    short = rolling_mean(share, panel.position, 10)
    return np.log(short / rolling_mean(share, panel.position, 60))


def _night_share(panel: Panel) -> Values:
    night = rolling_std(_overnight(panel), panel.position, 60) ** 2
    whole = rolling_std(panel.log_return, panel.position, 60) ** 2
    return night / whole


def _keltner_place(panel: Panel) -> Values:
    middle = panel.indicator("EMA", ("close",), timeperiod=20)[0]
    return (panel["close"] - middle) / (2 * panel.indicator("ATR", BARS, timeperiod=10)[0])


def _squeeze(panel: Panel) -> Values:
    upper, _, lower = panel.indicator("BBANDS", ("close",), timeperiod=20, nbdevup=2, nbdevdn=2)
    return (upper - lower) / (4 * rolling_mean(_true_range(panel), panel.position, 20))


def _volatility_of_volatility(panel: Panel) -> Values:
    return rolling_std(np.log(panel.value(volatility(20))), panel.position, 60)


def _volatility_z(panel: Panel) -> Values:
    recent = panel.value(volatility(20))
    mean = rolling_mean(recent, panel.position, 252)
    return (recent - mean) / rolling_std(recent, panel.position, 252)


def _kurtosis(panel: Panel) -> Values:
    logs = panel.log_return
    gaps = logs - rolling_mean(logs, panel.position, 60)
    fourth = rolling_mean(gaps**4, panel.position, 60)
    return fourth / rolling_mean(gaps**2, panel.position, 60) ** 2


def _ratios() -> tuple[Feature, ...]:
    closes = ("close",)
    return (
        _range(
            "true_range_frac",
            "true range / close",
            "frac",
            2,
            "Wilder (1978); TA-Lib TRANGE",
            lambda panel: _true_range(panel) / panel["close"],
        ),
        _range(
            "range_expansion_20",
            "ln(true range / its mean of 20 bars)",
            "1",
            21,
            "range expansion",
            _expansion,
        ),
        _range(
            "range_contraction_10_60",
            "ln(mean of true range / close over 10 bars / over 60)",
            "1",
            61,
            "range contraction",
            _contraction,
        ),
        _range(
            "overnight_variance_share_60",
            "variance of 60 log returns from close to open / of those from close to close",
            "ratio",
            61,
            "Lockwood and Linn (1990)",
            _night_share,
            ("open", "close"),
        ),
        _range(
            "keltner_place_20",
            "(close - exponential mean of 20 bars) / (2 x average true range of 10)",
            "1",
            101,
            "Keltner (1960); TA-Lib EMA, ATR",
            _keltner_place,
        ),
        _range(
            "squeeze_20",
            "width of the Bollinger bands / (4 x mean true range), 20 bars",
            "ratio",
            21,
            "Carter (2005)",
            _squeeze,
        ),
        _range(
            "volatility_of_volatility_60",
            "standard deviation of 60 ln(volatility_20)",
            "1",
            80,
            "Baltussen, van Bekkum and van der Grient (2018)",
            _volatility_of_volatility,
            closes,
        ),
        _range(
            "volatility_z_252",
            "(volatility_20 - its mean of 252 bars) / its standard deviation",
            "1",
            272,
            "volatility against its own past",
            _volatility_z,
            closes,
        ),
        _range(
            "kurtosis_60",
            "mean of 60 (log return - mean of its 60)^4 / square of the mean of their squares",
            "1",
            120,
            "fourth standardised moment",
            _kurtosis,
            closes,
        ),
    )
