"""Features of trading activity and of the bar's own shape, on scales that volume units cannot move.

Dollar volume is compared with the symbol's own past only: its level rests on prices and volumes
that later splits and dividends adjust.
"""

import numpy as np

from trading_pipeline.domain.features.kernels import rolling_mean, rolling_regression, rolling_std
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Compute, Feature

SHAPE_SOURCE = "shape of the bar"


def activity_features() -> tuple[Feature, ...]:
    """Return the families volume and bar_shape."""
    return (*_volumes(), *_shapes())


def _traded(panel: Panel) -> Values:
    """Volume, missing where nothing traded: no ratio to it could be told."""
    return np.where(panel["volume"] > 0, panel["volume"], np.nan)


def _volume_feature(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    source: str,
    compute: Compute,
    inputs: tuple[str, ...] = ("volume",),
) -> Feature:
    return Feature(
        name=name,
        family="volume",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
    )


def _log_volume_ratio(n: int) -> Feature:
    return _volume_feature(
        f"log_volume_ratio_{n}",
        f"ln(volume / mean volume of {n} bars)",
        "1",
        n,
        "abnormal volume",
        lambda panel: np.log(_traded(panel) / rolling_mean(panel["volume"], panel.position, n)),
    )


def _log_own_ratio(panel: Panel, values: Values) -> Values:
    short = rolling_mean(values, panel.position, 20)
    return np.log(short / rolling_mean(values, panel.position, 252))


def _dollar_volume_ratio(panel: Panel) -> Values:
    return _log_own_ratio(panel, panel["close"] * panel["volume"])


def _amihud_ratio(panel: Panel) -> Values:
    return _log_own_ratio(panel, np.abs(panel["return"]) / (panel["close"] * _traded(panel)))


def _obv_slope(panel: Panel) -> Values:
    balance = panel.indicator("OBV", ("close", "volume"))[0]
    drift = rolling_regression(balance, _clock(panel), panel.position, 20)[0]
    return drift / rolling_mean(panel["volume"], panel.position, 20)


def _clock(panel: Panel) -> Values:
    return panel.position.astype("float64")


def _money_flow(panel: Panel) -> Values:
    index = panel.indicator("MFI", ("high", "low", "close", "volume"), timeperiod=14)[0]
    # TA-Lib says 0, all selling, where no money flowed at all.
    moved = np.where(panel["volume"] > 0, 1.0, 0.0)
    return np.where(rolling_mean(moved, panel.position, 14) > 0, index, np.nan)


def _log_volume_change(panel: Panel) -> Values:
    logs = np.log(_traded(panel))
    return np.where(panel.position > 0, np.diff(logs, prepend=np.nan), np.nan)


def obv_slope() -> Feature:
    """Slope of on-balance volume over 20 bars, in mean bars of volume."""
    return _volume_feature(
        "obv_slope_20",
        "slope of on-balance volume over 20 bars / mean volume of 20 bars",
        "1 per bar",
        20,
        "Granville (1963); TA-Lib OBV",
        _obv_slope,
        ("close", "volume"),
    )


def _volumes() -> tuple[Feature, ...]:
    priced = ("close", "volume")
    return (
        _log_volume_ratio(20),
        _log_volume_ratio(60),
        _volume_feature(
            "log_dollar_volume_ratio_20_252",
            "ln(mean of close x volume over 20 bars / over 252)",
            "1",
            252,
            "abnormal turnover",
            _dollar_volume_ratio,
            priced,
        ),
        _volume_feature(
            "log_amihud_ratio_20_252",
            "ln(mean of |return| / (close x volume) over 20 bars / over 252)",
            "1",
            253,
            "Amihud (2002), against the symbol's own past",
            _amihud_ratio,
            priced,
        ),
        obv_slope(),
        _volume_feature(
            "mfi_14",
            "money flow index of 14 bars",
            "0..100",
            15,
            "Quong and Soudack (1989); TA-Lib MFI",
            _money_flow,
            ("high", "low", "close", "volume"),
        ),
        _volume_feature(
            "volume_volatility_20",
            "standard deviation of 20 changes of ln(volume)",
            "1",
            21,
            "volatility of volume",
            lambda panel: rolling_std(_log_volume_change(panel), panel.position, 20),
        ),
        _volume_feature(
            "return_volume_correlation_20",
            "correlation of the log return with the change of ln(volume) over 20 bars",
            "-1..1",
            21,
            "Karpoff (1987)",
            lambda panel: rolling_regression(
                panel.log_return, _log_volume_change(panel), panel.position, 20
            )[1],
            priced,
        ),
    )


def _spread(panel: Panel) -> Values:
    return np.where(panel["high"] > panel["low"], panel["high"] - panel["low"], np.nan)


def _shape(name: str, formula: str, unit: str, inputs: tuple[str, ...], shape: Compute) -> Feature:
    return Feature(
        name=name,
        family="bar_shape",
        formula=formula,
        unit=unit,
        lookback_sessions=1,
        inputs=inputs,
        source=SHAPE_SOURCE,
        compute=shape,
    )


def _mean_shape(base: Feature, n: int) -> Feature:
    return Feature(
        name=f"{base.name}_mean_{n}",
        family=base.family,
        formula=f"mean of {n} bars of {base.name}",
        unit=base.unit,
        lookback_sessions=n,
        inputs=base.inputs,
        source=base.source,
        compute=lambda panel: rolling_mean(panel.value(base), panel.position, n),
    )


def _upper_body(panel: Panel) -> Values:
    return np.maximum(panel["open"], panel["close"])


def _lower_body(panel: Panel) -> Values:
    return np.minimum(panel["open"], panel["close"])


def _shapes() -> tuple[Feature, ...]:
    whole = ("open", "high", "low", "close")
    averaged = (
        _shape(
            "bar_close_place",
            "(close - low) / (high - low)",
            "0..1",
            ("high", "low", "close"),
            lambda panel: (panel["close"] - panel["low"]) / _spread(panel),
        ),
        _shape(
            "bar_open_place",
            "(open - low) / (high - low)",
            "0..1",
            ("open", "high", "low"),
            lambda panel: (panel["open"] - panel["low"]) / _spread(panel),
        ),
        _shape(
            "bar_range_frac",
            "(high - low) / close",
            "frac",
            ("high", "low", "close"),
            lambda panel: (panel["high"] - panel["low"]) / panel["close"],
        ),
    )
    return (
        *averaged,
        *(_mean_shape(base, n) for base in averaged for n in (5, 20)),
        _shape(
            "bar_upper_shadow",
            "(high - higher of open and close) / (high - low)",
            "0..1",
            whole,
            lambda panel: (panel["high"] - _upper_body(panel)) / _spread(panel),
        ),
        _shape(
            "bar_lower_shadow",
            "(lower of open and close - low) / (high - low)",
            "0..1",
            whole,
            lambda panel: (_lower_body(panel) - panel["low"]) / _spread(panel),
        ),
        _shape(
            "bar_body",
            "(close - open) / (high - low)",
            "-1..1",
            whole,
            lambda panel: (panel["close"] - panel["open"]) / _spread(panel),
        ),
    )
