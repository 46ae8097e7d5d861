"""Technical indicators: TA-Lib's values on the symbol's own bars, freed of the price level.

An exponential average remembers where it started. The lookbacks let that fade below a thousandth
of a feature's spread: 5 n bars for an EMA of n, 9 n for Wilder's, whose newest weight is 1 / n.
"""

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature

BARS = ("high", "low", "close")
WILDER = "Wilder (1978); TA-Lib"


def indicator_features(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return the grids of `config` and the indicators of fixed length."""
    return (
        *(sma_distance(n) for n in config.sma_sessions),
        *(_ema_distance(n) for n in config.sma_sessions),
        *(rsi(n) for n in config.rsi_sessions),
        *(made for grid in config.macd_sessions for made in _macd(*grid)),
        *(made for n in config.bollinger_sessions for made in _bollinger(n)),
        *(_atr(n) for n in config.atr_sessions),
        *_fixed_oscillators(),
    )


def sma_distance(n: int) -> Feature:
    """Distance of the close from its simple moving average."""
    return Feature(
        name=f"sma_distance_{n}",
        family="moving_average",
        formula=f"close / mean close of {n} bars - 1",
        unit="frac",
        lookback_sessions=n,
        inputs=("close",),
        source="TA-Lib SMA",
        compute=lambda panel: (
            panel["close"] / panel.indicator("SMA", ("close",), timeperiod=n)[0] - 1
        ),
        alternative=("sma", str(n)),
    )


def _ema_distance(n: int) -> Feature:
    return Feature(
        name=f"ema_distance_{n}",
        family="moving_average",
        formula=f"close / exponential mean close of {n} bars - 1",
        unit="frac",
        lookback_sessions=5 * n,
        inputs=("close",),
        source="TA-Lib EMA",
        compute=lambda panel: (
            panel["close"] / panel.indicator("EMA", ("close",), timeperiod=n)[0] - 1
        ),
        alternative=("sma", str(n)),
    )


def rsi(n: int) -> Feature:
    """Relative strength index of n bars."""
    return Feature(
        name=f"rsi_{n}",
        family="oscillator",
        formula=f"relative strength index of {n} bars",
        unit="0..100",
        lookback_sessions=9 * n + 1,
        inputs=("close",),
        source=WILDER,
        compute=lambda panel: panel.indicator("RSI", ("close",), timeperiod=n)[0],
        alternative=("rsi", str(n)),
    )


def _macd(fast: int, slow: int, signal: int) -> tuple[Feature, ...]:
    window = f"{fast}_{slow}_{signal}"

    def part(output: int, name: str, meaning: str) -> Feature:
        def compute(panel: Panel) -> Values:
            made = panel.indicator(
                "MACD", ("close",), fastperiod=fast, slowperiod=slow, signalperiod=signal
            )
            return made[output] / panel["close"]

        return Feature(
            name=f"{name}_{window}",
            family="macd",
            formula=f"{meaning} / close, EMAs of {fast}, {slow} and {signal} bars",
            unit="frac",
            lookback_sessions=5 * (slow + signal),
            inputs=("close",),
            source="Appel (1979); TA-Lib MACD",
            compute=compute,
            alternative=("macd", window),
        )

    return (
        part(0, "macd", "fast - slow EMA"),
        part(1, "macd_signal", "EMA of the MACD"),
        part(2, "macd_hist", "MACD - its signal"),
    )


def _bollinger(n: int) -> tuple[Feature, ...]:
    def bands(panel: Panel) -> tuple[Values, ...]:
        return panel.indicator("BBANDS", ("close",), timeperiod=n, nbdevup=2, nbdevdn=2)

    def place(panel: Panel) -> Values:
        upper, _, lower = bands(panel)
        return (panel["close"] - lower) / (upper - lower)

    def width(panel: Panel) -> Values:
        upper, middle, lower = bands(panel)
        return (upper - lower) / middle

    def part(name: str, formula: str, unit: str, compute: Compute) -> Feature:
        return Feature(
            name=f"{name}_{n}",
            family="bollinger",
            formula=f"{formula}, bands of 2 standard deviations around the mean of {n} bars",
            unit=unit,
            lookback_sessions=n,
            inputs=("close",),
            source="Bollinger (2001); TA-Lib BBANDS",
            compute=compute,
            alternative=("bollinger", str(n)),
        )

    return (
        part("bollinger_place", "(close - lower) / (upper - lower band)", "1", place),
        part("bollinger_width", "(upper - lower band) / middle", "frac", width),
    )


def _atr(n: int) -> Feature:
    return Feature(
        name=f"atr_frac_{n}",
        family="volatility",
        formula=f"average true range of {n} bars / close",
        unit="frac",
        lookback_sessions=9 * n + 1,
        inputs=BARS,
        source=WILDER,
        compute=lambda panel: panel.indicator("ATR", BARS, timeperiod=n)[0] / panel["close"],
        alternative=("atr", str(n)),
    )


def _fixed(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    inputs: tuple[str, ...],
    source: str,
    function: str,
    output: int = 0,
    **settings: int,
) -> Feature:
    return Feature(
        name=name,
        family="oscillator",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=lambda panel: panel.indicator(function, inputs, **settings)[output],
    )


def _fixed_oscillators() -> tuple[Feature, ...]:
    stochastic = {"fastk_period": 14, "slowk_period": 3, "slowd_period": 3}
    stochrsi = {"timeperiod": 14, "fastk_period": 5, "fastd_period": 3}
    lane, chande = "Lane (1984); TA-Lib STOCH", "Chande and Kroll (1994); TA-Lib STOCHRSI"
    return (
        _fixed(
            "stochrsi_k_14",
            "place of the RSI of 14 bars in its range of 5",
            "0..100",
            135,
            ("close",),
            chande,
            "STOCHRSI",
            **stochrsi,
        ),
        _fixed(
            "stochrsi_d_14",
            "mean of 3 stochrsi_k_14",
            "0..100",
            135,
            ("close",),
            chande,
            "STOCHRSI",
            1,
            **stochrsi,
        ),
        _fixed(
            "stochastic_k_14",
            "mean of 3 places of the close in the range of 14 bars",
            "0..100",
            18,
            BARS,
            lane,
            "STOCH",
            **stochastic,
        ),
        _fixed(
            "stochastic_d_14",
            "mean of 3 stochastic_k_14",
            "0..100",
            18,
            BARS,
            lane,
            "STOCH",
            1,
            **stochastic,
        ),
        _fixed(
            "williams_r_14",
            "-100 x (highest high - close) / (highest high - lowest low) of 14 bars",
            "-100..0",
            14,
            BARS,
            "Williams (1973); TA-Lib WILLR",
            "WILLR",
            timeperiod=14,
        ),
        _fixed(
            "roc_12",
            "100 x (close / close 12 bars before - 1)",
            "0..100",
            13,
            ("close",),
            "TA-Lib ROC",
            "ROC",
            timeperiod=12,
        ),
    )
