"""Features of a session as a whole: ranks among its equities, breadth and dispersion.

A withheld bar takes no part: nobody could see it when the session was judged.
"""

import numpy as np

from trading_pipeline.domain.features.indicators import sma_distance
from trading_pipeline.domain.features.kernels import session_rank
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.prices import past_return
from trading_pipeline.domain.features.registry import Feature

# Those of them that the settings' grids hold are ranked.
RANKED = (
    "return_1",
    "return_5",
    "return_20",
    "return_60",
    "return_252",
    "momentum_12_1",
    "volatility_20",
    "volatility_60",
    "max_return_20",
    "skewness_60",
    "sma_distance_50",
    "sma_distance_200",
    "rsi_14",
    "macd_hist_12_26_9",
    "bollinger_place_20",
    "atr_frac_14",
    "log_volume_ratio_20",
    "log_dollar_volume_ratio_20_252",
    "log_amihud_ratio_20_252",
    "high_distance_252",
    "drawdown_60",
    "bar_close_place_mean_5",
    "beta_252",
    "idiosyncratic_volatility_60",
    "relative_to_sector_20",
    "relative_to_sector_60",
    "momentum_6_1",
    "reversal_36_12",
    "same_month_last_year",
    "return_to_risk_252",
    "information_discreteness_252",
    "overnight_momentum_20",
    "intraday_momentum_20",
    "idiosyncratic_return_20",
    "idiosyncratic_return_252",
    "sma_ratio_50_200",
    "trend_slope_60",
    "trend_fit_60",
    "year_high_age",
    "yang_zhang_volatility_20",
    "range_contraction_10_60",
    "kurtosis_60",
    "money_flow_20",
    "vwap_distance_20",
    "force_20",
    "volume_z_20",
    "log_impact_5_60",
    "high_low_spread_20",
    "downside_beta_252",
)


def cross_section_features(per_symbol: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """Return breadth, dispersion, and the ranks of those of RANKED that are registered."""
    registered = {feature.name: feature for feature in per_symbol}
    ranked = tuple(rank_of(registered[name]) for name in RANKED if name in registered)
    return (_breadth(50), _dispersion(20), *ranked)


def rank_of(base: Feature) -> Feature:
    """Rank of a feature among the equities of its session."""

    def compute(panel: Panel) -> Values:
        order, starts, _ = panel.by_session
        return session_rank(panel.on_time(panel.value(base)), order, starts)

    return Feature(
        name=f"rank_{base.name}",
        family="rank",
        formula=f"rank of {base.name} among the session's equities, ties share their mean",
        unit="0..1",
        lookback_sessions=base.lookback_sessions,
        inputs=base.inputs,
        source=base.source,
        compute=compute,
        alternative=base.alternative,
    )


def _session_means(panel: Panel, values: Values) -> Values:
    """Mean of the present values of each session, at every row; missing below two of them."""
    _, _, number = panel.by_session
    present = ~np.isnan(values)
    count = np.bincount(number, weights=present.astype("float64"))
    total = np.bincount(number, weights=np.where(present, values, 0.0))
    means = np.where(count > 1, total / np.maximum(count, 1), np.nan)
    return means[number]


def _breadth(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        distance = panel.on_time(panel.value(sma_distance(n)))
        return _session_means(panel, np.where(np.isnan(distance), np.nan, distance > 0))

    return Feature(
        name=f"breadth_{n}",
        family="market",
        formula=f"share of the session's equities that close above their mean of {n} bars",
        unit="0..1",
        lookback_sessions=n,
        inputs=("universe.close",),
        source="market breadth",
        compute=compute,
    )


def _dispersion(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        returns = panel.on_time(panel.value(past_return(n)))
        gaps = returns - _session_means(panel, returns)
        return np.sqrt(_session_means(panel, gaps**2))

    return Feature(
        name=f"dispersion_{n}",
        family="market",
        formula=f"standard deviation across the session's equities of their return of {n} bars",
        unit="frac",
        lookback_sessions=n + 1,
        inputs=("universe.close",),
        source="cross-sectional dispersion",
        compute=compute,
    )
