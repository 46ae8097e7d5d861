"""Features of what surrounds a symbol: the index, VIX, the regime, its sector, the calendar."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.features.indicators import sma_distance
from trading_pipeline.domain.features.kernels import rolling_regression
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.prices import ANNUAL, past_return, volatility
from trading_pipeline.domain.features.registry import Compute, Feature

VIX_RULE = "16:15 New York of the session, read at 18:00"
BESIDE = ("close", "index.close")
ALONE = ("index.close",)


def context_features() -> tuple[Feature, ...]:
    """Return the families market, vix, regime, sector and calendar."""
    return (*_markets(), *_vixes(), *_regimes(), *_sectors(), *_calendars())


def on_index(panel: Panel, feature: Feature) -> Values:
    """Return the index's own value of a feature at each row; missing without an index bar."""
    index = panel.around().index
    if index is None:
        return np.full(panel.size, np.nan)
    return index.beside(index.value(feature), panel.session)


def index_change(panel: Panel, n: int) -> Values:
    """Return the index's return between each row's session and that of n own bars before.

    Gaps in the symbol's bars span the same sessions on both sides. Missing across a seam.
    """

    def make() -> Values:
        index = panel.around().index
        change = np.full(panel.size, np.nan)
        if index is None:
            return change
        close = index.beside(index["close"], panel.session)
        segment = index.beside(index.segment.astype("float64"), panel.session)
        change[n:] = np.where(
            segment[n:] == segment[: max(panel.size - n, 0)],
            close[n:] / close[: max(panel.size - n, 0)] - 1,
            np.nan,
        )
        change[panel.position < n] = np.nan
        return change

    return panel.made_once(("index_change", n), make)


def _market(
    name: str,
    formula: str,
    unit: str,
    lookback: int,
    compute: Compute,
    source: str = "market model",
    inputs: tuple[str, ...] = BESIDE,
) -> Feature:
    return Feature(
        name=name,
        family="market",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=inputs,
        source=source,
        compute=compute,
    )


def index_feature(name: str, base: Feature) -> Feature:
    """The index's own value of a feature."""
    return _market(
        name,
        f"{base.formula}, of the index",
        base.unit,
        base.lookback_sessions,
        lambda panel: on_index(panel, base),
        base.source,
        ALONE,
    )


def _above_average(panel: Panel) -> Values:
    distance = on_index(panel, sma_distance(200))
    return np.where(np.isnan(distance), np.nan, distance > 0)


def market_regression(panel: Panel, n: int) -> tuple[Values, Values, Values]:
    """Return beta, correlation and residual standard deviation of n returns on the index's."""
    return panel.made_once(
        ("market model", n),
        lambda: rolling_regression(panel["return"], index_change(panel, 1), panel.position, n),
    )


def _relative_strength(n: int) -> Feature:
    return _market(
        f"relative_strength_{n}",
        f"return of {n} bars - the index's over the same sessions",
        "frac",
        n + 1,
        lambda panel: panel.past_change(n) - index_change(panel, n),
    )


def _beta(n: int) -> Feature:
    return _market(
        f"beta_{n}",
        f"slope of {n} returns on the index's",
        "1",
        n + 1,
        lambda panel: market_regression(panel, n)[0],
        "Sharpe (1964)",
    )


def _markets() -> tuple[Feature, ...]:
    return (
        *(index_feature(f"index_return_{n}", past_return(n)) for n in (1, 5, 20, 60)),
        index_feature("index_volatility_20", volatility(20)),
        _market(
            "index_is_above_sma_200",
            "the index closed above its mean of 200 bars",
            "flag",
            200,
            _above_average,
            "Faber (2007)",
            ALONE,
        ),
        _beta(60),
        _beta(252),
        _market(
            "market_correlation_60",
            "correlation of 60 returns with the index's",
            "-1..1",
            61,
            lambda panel: market_regression(panel, 60)[1],
        ),
        _market(
            "idiosyncratic_volatility_60",
            "residual standard deviation of 60 returns on the index's x sqrt(252)",
            "frac per year",
            61,
            lambda panel: market_regression(panel, 60)[2] * ANNUAL,
            "Ang, Hodrick, Xing and Zhang (2006)",
        ),
        _relative_strength(20),
        _relative_strength(60),
    )


def vix_values(panel: Panel, values: Compute) -> Values:
    """Return what `values` makes of the panel of VIX, at each row; missing without VIX."""
    vix = panel.around().vix
    if vix is None:
        return np.full(panel.size, np.nan)
    return vix.beside(values(vix), panel.session)


def _vix(name: str, formula: str, unit: str, lookback: int, compute: Compute) -> Feature:
    return Feature(
        name=name,
        family="vix",
        formula=formula,
        unit=unit,
        lookback_sessions=lookback,
        inputs=("vix.close",),
        source="CBOE",
        known_at_rule=VIX_RULE,
        compute=compute,
    )


def _vix_spread(panel: Panel) -> Values:
    implied = vix_values(panel, lambda vix: vix.level) / 100
    return implied - on_index(panel, volatility(20))


def _vixes() -> tuple[Feature, ...]:
    return (
        _vix(
            "vix_level",
            "VIX",
            "VIX points",
            1,
            lambda panel: vix_values(panel, lambda vix: vix.level),
        ),
        _vix(
            "vix_change_5",
            "VIX / VIX 5 sessions before - 1",
            "frac",
            6,
            lambda panel: vix_values(panel, lambda vix: vix.value(past_return(5))),
        ),
        _vix(
            "vix_distance_20",
            "VIX / its mean of 20 sessions - 1",
            "frac",
            20,
            lambda panel: vix_values(panel, lambda vix: vix.value(sma_distance(20))),
        ),
        Feature(
            name="vix_realised_spread",
            family="vix",
            formula="VIX / 100 - index_volatility_20",
            unit="frac per year",
            lookback_sessions=21,
            inputs=("vix.close", "index.close"),
            source="Bollerslev, Tauchen and Zhou (2009)",
            known_at_rule=VIX_RULE,
            compute=_vix_spread,
        ),
    )


def _regime_flag(regime: str) -> Feature:
    wanted = REGIMES.index(regime)

    def compute(panel: Panel) -> Values:
        known = panel.around().regime
        return np.where(known < 0, np.nan, known == wanted)

    return Feature(
        name=f"is_regime_{regime}",
        family="regime",
        formula=f"the session's regime is {regime}; missing where it is unknown",
        unit="flag",
        lookback_sessions=1,
        inputs=("regimes.regime",),
        source="regimes.market",
        compute=compute,
    )


def _regimes() -> tuple[Feature, ...]:
    return tuple(_regime_flag(regime) for regime in REGIMES)


def mean_of_others(panel: Panel, base: Feature) -> Values:
    """Return a feature's mean over the sector's other symbols in the session, if there are any.

    A withheld bar takes no part. Missing where the symbol has no sector or no value itself.
    """

    def make() -> Values:
        sector = panel.around().sector
        own = np.where(sector < 0, np.nan, panel.on_time(panel.value(base)))
        group = panel.by_session[2] * (sector.max(initial=0) + 1) + np.maximum(sector, 0)
        present = ~np.isnan(own)
        held = np.where(present, own, 0.0)
        total = np.bincount(group, weights=held)[group]
        others = np.bincount(group, weights=present.astype("float64"))[group] - 1
        return np.where(present & (others > 0), (total - held) / np.maximum(others, 1), np.nan)

    return panel.made_once(("sector", base.name), make)


def _sector(name: str, formula: str, n: int, compute: Compute) -> Feature:
    return Feature(
        name=name,
        family="sector",
        formula=formula,
        unit="frac",
        lookback_sessions=n + 1,
        inputs=("close", "sectors.gics_sector"),
        source="Moskowitz and Grinblatt (1999)",
        compute=compute,
    )


def _sector_level(n: int) -> Feature:
    return _sector(
        f"sector_return_{n}",
        f"mean return over {n} bars of the sector's other symbols",
        n,
        lambda panel: mean_of_others(panel, past_return(n)),
    )


def _sector_relative(n: int) -> Feature:
    return _sector(
        f"relative_to_sector_{n}",
        f"return over {n} bars - that of the sector's other symbols",
        n,
        lambda panel: panel.past_change(n) - mean_of_others(panel, past_return(n)),
    )


def _sectors() -> tuple[Feature, ...]:
    return (
        *(_sector_level(n) for n in (5, 20)),
        *(_sector_relative(n) for n in (5, 20, 60)),
    )


def _sessions_left(dates: "pd.Series[pd.Timestamp]") -> "pd.Series[int]":
    return dates.groupby(dates.dt.to_period("M")).cumcount(ascending=False)


def _calendar(
    name: str,
    formula: str,
    unit: str,
    of_sessions: "Callable[[pd.Series[pd.Timestamp]], pd.Series[int]]",
) -> Feature:
    def compute(panel: Panel) -> Values:
        days = of_sessions(session_table()["session_date"]).to_numpy("float64")
        return np.asarray(days[panel.session])

    return Feature(
        name=name,
        family="calendar",
        formula=formula,
        unit=unit,
        lookback_sessions=1,
        inputs=("calendar.session_date",),
        source="XNYS calendar",
        known_at_rule="published years ahead",
        compute=compute,
    )


def _calendars() -> tuple[Feature, ...]:
    return (
        _calendar("day_of_week", "0 Monday to 4 Friday", "day", lambda dates: dates.dt.dayofweek),
        _calendar("month", "1 January to 12 December", "month", lambda dates: dates.dt.month),
        _calendar(
            "sessions_to_month_end", "sessions left in the month", "sessions", _sessions_left
        ),
    )
