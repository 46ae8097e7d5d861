"""Features of a symbol beside its market and its sector, of VIX's own path, and of breadth."""

from collections.abc import Callable

import numpy as np

from trading_pipeline.domain.features.activity import activity_features
from trading_pipeline.domain.features.context import (
    BESIDE,
    VIX_RULE,
    index_change,
    index_feature,
    market_regression,
    mean_of_others,
    vix_values,
)
from trading_pipeline.domain.features.indicators import rsi, sma_distance
from trading_pipeline.domain.features.kernels import rolling_mean, rolling_regression, rolling_std
from trading_pipeline.domain.features.momentum import past_span
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.prices import ANNUAL, drawdown, past_return, place, volatility
from trading_pipeline.domain.features.registry import Compute, Feature

SECTOR_SOURCE = "Moskowitz and Grinblatt (1999)"


def relative_features() -> tuple[Feature, ...]:
    """Return more of the families market, sector and vix."""
    return (*_beside_index(), *_of_index(), *_beside_sector(), *_of_vix())


def _market(
    name: str, formula: str, unit: str, lookback: int, source: str, compute: Compute
) -> Feature:
    return Feature(
        name=name,
        family="market",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=BESIDE,
        source=source,
        compute=compute,
    )


def _strength(n: int) -> Feature:
    return _market(
        f"relative_strength_{n}",
        f"return of {n} bars - the index's over the same sessions",
        "frac",
        n + 1,
        "market model",
        lambda panel: panel.past_change(n) - index_change(panel, n),
    )


def _idiosyncratic_return(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        beta = market_regression(panel, 252)[0]
        return panel.past_change(n) - beta * index_change(panel, n)

    return _market(
        f"idiosyncratic_return_{n}",
        f"return of {n} bars - beta_252 x the index's over the same sessions",
        "frac",
        253,
        "Blitz, Huij and Martens (2011)",
        compute,
    )


def _relative_momentum(panel: Panel) -> Values:
    index = (1 + index_change(panel, 252)) / (1 + index_change(panel, 21)) - 1
    return past_span(panel, 252, 21) - index


def _relative_volatility(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        own, index = panel["return"], index_change(panel, 1)
        return np.log(rolling_std(own, panel.position, n) / rolling_std(index, panel.position, n))

    return _market(
        f"relative_volatility_{n}",
        f"ln(standard deviation of {n} returns / of the index's)",
        "1",
        n + 1,
        "Baker, Bradley and Wurgler (2011)",
        compute,
    )


def _lead_lag(panel: Panel) -> Values:
    index = panel.before(index_change(panel, 1), 1)
    return rolling_regression(panel["return"], index, panel.position, 60)[1]


def _downside_beta(panel: Panel) -> Values:
    index = index_change(panel, 1)
    falls = np.minimum(index, 0.0)
    both = rolling_mean(panel["return"] * falls, panel.position, 252)
    return both / rolling_mean(falls**2, panel.position, 252)


def _beside_index() -> tuple[Feature, ...]:
    return (
        *(_strength(n) for n in (5, 120, 252)),
        *(_idiosyncratic_return(n) for n in (20, 60, 252)),
        _market(
            "relative_momentum_12_1",
            "momentum_12_1 - the index's over the same sessions",
            "frac",
            253,
            "Jegadeesh and Titman (1993)",
            _relative_momentum,
        ),
        *(_relative_volatility(n) for n in (20, 60)),
        _market(
            "idiosyncratic_volatility_252",
            "residual standard deviation of 252 returns on the index's x sqrt(252)",
            "frac per year",
            253,
            "Ang, Hodrick, Xing and Zhang (2006)",
            lambda panel: market_regression(panel, 252)[2] * ANNUAL,
        ),
        _market(
            "market_correlation_252",
            "correlation of 252 returns with the index's",
            "-1..1",
            253,
            "market model",
            lambda panel: market_regression(panel, 252)[1],
        ),
        _market(
            "beta_change_60_252",
            "beta_60 - beta_252",
            "1",
            253,
            "Sharpe (1964)",
            lambda panel: market_regression(panel, 60)[0] - market_regression(panel, 252)[0],
        ),
        _market(
            "downside_beta_252",
            "mean of 252 return x the index's fall / mean square of its falls",
            "1",
            253,
            "Bawa and Lindenberg (1977)",
            _downside_beta,
        ),
        _market(
            "index_lead_60",
            "correlation of 60 returns with the index's of the bar before",
            "-1..1",
            62,
            "Hou and Moskowitz (2005)",
            _lead_lag,
        ),
    )


def _of_index() -> tuple[Feature, ...]:
    return (
        index_feature("index_return_120", past_return(120)),
        index_feature("index_return_252", past_return(252)),
        index_feature("index_volatility_60", volatility(60)),
        index_feature("index_drawdown_252", drawdown(252, "drawdown_252", "drawdown")),
        index_feature("index_sma_distance_50", sma_distance(50)),
        index_feature("index_sma_distance_200", sma_distance(200)),
        index_feature("index_rsi_14", rsi(14)),
    )


def _sector(
    name: str, formula: str, unit: str, lookback: int, inputs: tuple[str, ...], compute: Compute
) -> Feature:
    return Feature(
        name=name,
        family="sector",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=(*inputs, "sectors.gics_sector"),
        source=SECTOR_SOURCE,
        compute=compute,
    )


def _sector_strength(n: int) -> Feature:
    def compute(panel: Panel) -> Values:
        return mean_of_others(panel, past_return(n)) - index_change(panel, n)

    return _sector(
        f"sector_strength_{n}",
        f"mean return over {n} bars of the sector's other symbols - the index's",
        "frac",
        n + 1,
        BESIDE,
        compute,
    )


def _against_sector(base: Feature, name: str) -> Feature:
    own = tuple(one for one in base.inputs if "." not in one)
    return _sector(
        f"{name}_to_sector",
        f"{base.name} - its mean over the sector's other symbols",
        base.unit,
        base.lookback_sessions,
        own,
        lambda panel: panel.value(base) - mean_of_others(panel, base),
    )


def _beside_sector() -> tuple[Feature, ...]:
    volume = next(f for f in activity_features() if f.name == "log_volume_ratio_20")
    return (
        *(_sector_strength(n) for n in (20, 60)),
        _against_sector(past_return(1), "return_1"),
        _against_sector(past_return(120), "return_120"),
        _against_sector(past_return(252), "return_252"),
        _against_sector(volatility(20), "volatility_20"),
        _against_sector(volatility(60), "volatility_60"),
        _against_sector(place(252), "place_252"),
        _against_sector(volume, "volume_20"),
    )


def _vix(
    name: str, formula: str, unit: str, lookback: int, of_vix: Callable[[Panel], Values]
) -> Feature:
    return Feature(
        name=name,
        family="vix",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=("vix.close",),
        source="CBOE",
        known_at_rule=VIX_RULE,
        compute=lambda panel: vix_values(panel, of_vix),
    )


def _vix_z(n: int) -> Feature:
    def of_vix(vix: Panel) -> Values:
        logs = np.log(vix["close"])
        mean = rolling_mean(logs, vix.position, n)
        return (logs - mean) / rolling_std(logs, vix.position, n)

    return _vix(
        f"vix_z_{n}",
        f"(ln(VIX) - its mean of {n} sessions) / its standard deviation",
        "1",
        n,
        of_vix,
    )


def _vix_term(vix: Panel) -> Values:
    short = rolling_mean(vix["close"], vix.position, 5)
    return short / rolling_mean(vix["close"], vix.position, 60) - 1


def _of_vix() -> tuple[Feature, ...]:
    def plain(name: str, base: Feature, formula: str, unit: str) -> Feature:
        return _vix(name, formula, unit, base.lookback_sessions, lambda vix: vix.value(base))

    return (
        plain("vix_change_1", past_return(1), "VIX / VIX of the session before - 1", "frac"),
        plain("vix_change_20", past_return(20), "VIX / VIX 20 sessions before - 1", "frac"),
        plain("vix_distance_60", sma_distance(60), "VIX / its mean of 60 sessions - 1", "frac"),
        plain("vix_distance_252", sma_distance(252), "VIX / its mean of 252 sessions - 1", "frac"),
        plain("vix_place_252", place(252), "place of VIX in its range of 252 sessions", "0..1"),
        plain(
            "vix_volatility_20",
            volatility(20),
            "standard deviation of 20 log changes of VIX x sqrt(252)",
            "frac per year",
        ),
        _vix_z(60),
        _vix_z(252),
        _vix("vix_term_5_60", "mean VIX of 5 sessions / of 60 - 1", "frac", 60, _vix_term),
    )
