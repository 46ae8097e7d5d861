"""Features of momentum and its reversal: oscillators, past returns of several spans, streaks."""

import numpy as np

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.kernels import (
    rolling_mean,
    rolling_regression,
    rolling_skewness,
    rolling_std,
)
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature

BARS = ("high", "low", "close")
CLOSE = ("close",)
LONGEST_STREAK = 10


def momentum_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the family momentum: the grid of the commodity channel index, then fixed lengths."""
    return (
        *(_channel_index(n) for n in config.cci_sessions),
        *_oscillators(),
        *_spans(),
        *_paths(),
    )


def _momentum(
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
        family="momentum",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
        alternative=alternative,
    )


def _channel_index(n: int) -> Feature:
    return _momentum(
        f"cci_{n}",
        f"(typical price - its mean) / (0.015 x mean deviation) of {n} bars",
        "1",
        n,
        "Lambert (1980); TA-Lib CCI",
        lambda panel: panel.indicator("CCI", BARS, timeperiod=n)[0],
        BARS,
        ("cci", str(n)),
    )


def _oscillators() -> tuple[Feature, ...]:
    whole = ("open", *BARS)
    return (
        _momentum(
            "ppo_12_26",
            "100 x (mean close of 12 bars / of 26 - 1)",
            "percent",
            26,
            "TA-Lib PPO",
            lambda panel: panel.indicator("PPO", CLOSE, fastperiod=12, slowperiod=26, matype=0)[0],
        ),
        _momentum(
            "ultimate_7_14_28",
            "ultimate oscillator of 7, 14 and 28 bars",
            "0..100",
            29,
            "Williams (1985); TA-Lib ULTOSC",
            lambda panel: panel.indicator("ULTOSC", BARS)[0],
            BARS,
        ),
        _momentum(
            "stochastic_fast_5",
            "place of the close in the range of 5 bars",
            "0..100",
            7,
            "Lane (1984); TA-Lib STOCHF",
            lambda panel: panel.indicator("STOCHF", BARS)[0],
            BARS,
        ),
        _momentum(
            "power_balance_14",
            "mean of 14 bars of (close - open) / (high - low), 0 in a bar without range",
            "-1..1",
            14,
            "Livshin (2001); TA-Lib BOP",
            lambda panel: rolling_mean(panel.indicator("BOP", whole)[0], panel.position, 14),
            whole,
        ),
    )


def past_span(panel: Panel, first: int, last: int) -> Values:
    """Return close `last` bars before / close `first` bars before - 1."""
    return (1 + panel.past_change(first)) / (1 + panel.past_change(last)) - 1


def _span(name: str, first: int, last: int, source: str) -> Feature:
    return _momentum(
        name,
        f"close {last} bars before / close {first} bars before - 1",
        "frac",
        first + 1,
        source,
        lambda panel: past_span(panel, first, last),
    )


def _acceleration(panel: Panel) -> Values:
    return panel.past_change(126) - past_span(panel, 252, 126)


def _discreteness(panel: Panel) -> Values:
    signs = np.sign(panel["return"])
    return np.sign(panel.past_change(252)) * -rolling_mean(signs, panel.position, 252)


def _spans() -> tuple[Feature, ...]:
    return (
        _span("momentum_6_1", 126, 21, "Jegadeesh and Titman (1993)"),
        _span("momentum_12_7", 252, 147, "Novy-Marx (2012)"),
        _span("reversal_36_12", 756, 252, "De Bondt and Thaler (1985)"),
        _span("same_month_last_year", 252, 231, "Heston and Sadka (2008)"),
        _momentum(
            "acceleration_126",
            "return of 126 bars - that of the 126 before",
            "frac",
            253,
            "Gettleman and Marks (2006)",
            _acceleration,
        ),
        _momentum(
            "information_discreteness_252",
            "sign of the return of 252 bars x (share of down bars - share of up bars)",
            "-1..1",
            253,
            "Da, Gurun and Warachka (2014)",
            _discreteness,
        ),
    )


def _overnight(panel: Panel) -> Values:
    return np.log(panel["open"] / panel.before(panel["close"], 1))


def _mean_of(values: Compute, n: int) -> Compute:
    return lambda panel: n * rolling_mean(values(panel), panel.position, n)


def _streak(panel: Panel) -> Values:
    """Bars in one direction up to this one, signed, at most LONGEST_STREAK."""
    sign = np.sign(panel["return"])
    length = np.zeros(panel.size)
    goes_on = np.ones(panel.size, dtype=bool)
    for step in range(LONGEST_STREAK):
        goes_on &= (panel.before(sign, step) == sign) & (sign != 0)
        length += goes_on
    return np.where(np.isnan(sign), np.nan, sign * length)


def _up_share(panel: Panel) -> Values:
    up = np.where(np.isnan(panel["return"]), np.nan, panel["return"] > 0)
    return rolling_mean(up, panel.position, 20)


def _autocorrelation(n: int) -> Compute:
    def compute(panel: Panel) -> Values:
        logs = panel.log_return
        return rolling_regression(logs, panel.before(logs, 1), panel.position, n)[1]

    return compute


def _variance_ratio(panel: Panel) -> Values:
    five = np.log1p(panel.past_change(5))
    one = rolling_std(panel.log_return, panel.position, 120)
    return (rolling_std(five, panel.position, 120) / one) ** 2 / 5


def _risk_adjusted(n: int) -> Feature:
    return _momentum(
        f"return_to_risk_{n}",
        f"mean of {n} log returns / their standard deviation",
        "1",
        n + 1,
        "Sharpe (1966)",
        lambda panel: (
            rolling_mean(panel.log_return, panel.position, n)
            / rolling_std(panel.log_return, panel.position, n)
        ),
    )


def _ulcer(panel: Panel) -> Values:
    peak = panel.indicator("MAX", CLOSE, timeperiod=14)[0]
    fall = panel["close"] / peak - 1
    return np.sqrt(rolling_mean(fall**2, panel.position, 14))


def _paths() -> tuple[Feature, ...]:
    return (
        _risk_adjusted(60),
        _risk_adjusted(252),
        _momentum(
            "overnight_momentum_20",
            "sum of 20 log returns from close to open",
            "log frac",
            21,
            "Lou, Polk and Skouras (2019)",
            _mean_of(_overnight, 20),
            ("open", "close"),
        ),
        _momentum(
            "intraday_momentum_20",
            "sum of 20 log returns from open to close",
            "log frac",
            20,
            "Lou, Polk and Skouras (2019)",
            _mean_of(lambda panel: np.log(panel["close"] / panel["open"]), 20),
            ("open", "close"),
        ),
        _momentum(
            "streak",
            f"bars in one direction, signed, at most {LONGEST_STREAK}",
            "bars",
            LONGEST_STREAK + 1,
            "Connors and Alvarez (2012)",
            _streak,
        ),
        _momentum(
            "up_share_20",
            "share of 20 bars that rose",
            "0..1",
            21,
            "psychological line",
            _up_share,
        ),
        _momentum(
            "autocorrelation_60",
            "correlation of 60 log returns with those of the bar before",
            "-1..1",
            62,
            "Lo and MacKinlay (1988)",
            _autocorrelation(60),
        ),
        _momentum(
            "variance_ratio_5_120",
            "variance of 120 log returns of 5 bars / 5 x that of one bar",
            "ratio",
            125,
            "Lo and MacKinlay (1988)",
            _variance_ratio,
        ),
        _momentum(
            "skewness_252",
            "skewness of 252 log returns",
            "1",
            253,
            "Harvey and Siddique (2000)",
            lambda panel: rolling_skewness(panel.log_return, panel.position, 252),
        ),
        _momentum(
            "ulcer_14",
            "root mean square of 14 falls below the highest close of 14 bars",
            "frac",
            27,
            "Martin and McCann (1989)",
            _ulcer,
        ),
    )
