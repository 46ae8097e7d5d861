"""features.daily: one row per equity and session, one column per registered feature.

The same function serves history, replay and live: more bars in, more rows out, equal rows before.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.bars.sessions import (
    DECISION_TIME,
    at_new_york,
    session_dates,
    session_ordinals,
    session_table,
)
from trading_pipeline.domain.features.registry import Feature

if TYPE_CHECKING:
    from trading_pipeline.domain.features.panel import Panel

KEYS = ("symbol", "session_date", "session", "known_at")
EVENT_TABLES = ("news", "social", "options_flow", "etf_flows", "calendar_events", "macro")


@dataclass(frozen=True, eq=False)
class DailyFeatures:
    """Computed features: `values` is (n_features, n_rows), rows by symbol and session."""

    panel: "Panel"
    names: tuple[str, ...]
    values: NDArray[np.floating[Any]]

    def frame(self, rows: NDArray[np.bool_] | slice = slice(None)) -> pd.DataFrame:
        """Return keys and features of some rows; all by default."""
        panel = self.panel
        values = self.values if isinstance(rows, slice) else np.compress(rows, self.values, axis=1)
        keys = pd.DataFrame(
            {
                "symbol": panel.symbols[panel.code[rows]],
                "session_date": session_dates(panel.session[rows]),
                "session": panel.session[rows],
                "known_at": pd.DatetimeIndex(panel.known_at[rows], tz="UTC"),
            }
        )
        features = pd.DataFrame(values.T, columns=list(self.names), copy=False)
        return pd.concat([keys, features], axis=1)

    def by_year(self) -> Iterator[pd.DataFrame]:
        """Give the frames of the years one after another, so that only one stands in memory."""
        years = session_dates(self.panel.session).year.to_numpy()
        for year in np.unique(years):
            yield self.frame(years == year)

    def missing_frac(self) -> pd.Series:
        """Return the share of missing values of each feature."""
        shares = [np.isnan(row).mean() if row.size else np.nan for row in self.values]
        return pd.Series(shares, index=list(self.names))


def build_daily_features(
    bars: pd.DataFrame,
    universe: pd.DataFrame,
    regimes: pd.DataFrame,
    vix: pd.DataFrame,
    sectors: pd.DataFrame,
    registry: tuple[Feature, ...],
    *,
    session_window: tuple[int, int] | None = None,
    **events: pd.DataFrame,
) -> pd.DataFrame:
    """Return the features of every equity's sessions with a bar, by symbol and session.

    Args:
        bars, universe, regimes, vix, sectors, registry, events: As `compute_daily_features`.
        session_window: First and last session of the rows returned. All bars are read all the
            same, so that the rows equal those of the whole history to the bit.

    Returns:
        symbol, session_date, session, known_at (18:00 New York of the session, later from a bar
        that was withheld), then one float64 column per feature. Missing is NaN.

    Raises:
        ValueError: As `compute_daily_features`.
    """
    computed = compute_daily_features(bars, universe, regimes, vix, sectors, registry, events)
    if session_window is None:
        return computed.frame()
    session = computed.panel.session
    return computed.frame((session >= session_window[0]) & (session <= session_window[1]))


def compute_daily_features(
    bars: pd.DataFrame,
    universe: pd.DataFrame,
    regimes: pd.DataFrame,
    vix: pd.DataFrame,
    sectors: pd.DataFrame,
    registry: tuple[Feature, ...],
    events: Mapping[str, pd.DataFrame],
    dtype: type[np.floating[Any]] = np.float64,
) -> DailyFeatures:
    """Compute the features of every equity's sessions with a bar.

    Missing is NaN: in a warm-up, across a vendor seam, where an input is missing, and across
    symbols where a bar was not yet known. Prices enter as ratios of price x adj_factor only.

    Args:
        bars: bars.daily of equities, ETFs and the index, in any row order.
        universe: bars.universe; every symbol of `bars` has a row.
        regimes: regimes.market.
        vix: bars.vix; may be empty.
        sectors: bars.sectors; may be empty.
        registry: The features, in the order of the columns.
        events: The tables bars.<name> of EVENT_TABLES; without one, the features that read it
            are missing.
        dtype: Of the values kept; all is computed in float64.

    Raises:
        ValueError: A symbol's session twice, a symbol without universe row, two indices, a table
            of events that no feature reads.
    """
    # numba and TA-Lib are loaded with the first panel, not with the graph.
    from trading_pipeline.domain.features.panel import Panel, Surroundings

    strange = sorted(set(events) - set(EVENT_TABLES))
    if strange:
        raise ValueError(f"no feature reads {strange}; give some of {', '.join(EVENT_TABLES)}")
    kinds = universe.set_index("symbol")["kind"]
    unknown = sorted(set(bars["symbol"].unique()) - set(kinds.index))
    if unknown:
        raise ValueError(f"no universe row for {unknown[:5]}; add them to bars.universe")
    indices = sorted(universe.loc[universe["is_index"], "symbol"])
    if len(indices) > 1:
        raise ValueError(f"bars.universe names {indices} as the index; keep one")

    panel = Panel(bars[bars["symbol"].isin(kinds.index[kinds == "equity"])])
    index_bars = bars[bars["symbol"].isin(indices)]
    panel.surroundings = Surroundings(
        index=Panel(index_bars) if len(index_bars) else None,
        vix=Panel(_vix_bars(vix)) if len(vix) else None,
        regime=_regime_numbers(regimes)[panel.session],
        sector=_sector_numbers(sectors, panel.symbols)[panel.code],
        events=events,
    )
    values = np.empty((len(registry), panel.size), dtype=dtype)
    for row, feature in enumerate(registry):
        values[row] = panel.computed(feature)
    return DailyFeatures(panel, tuple(feature.name for feature in registry), values)


def _vix_bars(vix: pd.DataFrame) -> pd.DataFrame:
    """Return VIX in the columns a panel reads; days that are no session are left out."""
    sessions = session_ordinals(vix["session_date"])
    return vix.assign(
        symbol="VIX",
        session=sessions,
        volume=np.nan,
        adj_factor=1.0,
        prices="raw",
        has_vendor_seam=False,
    )[sessions >= 0]


def _regime_numbers(regimes: pd.DataFrame) -> NDArray[np.int64]:
    """Return, for every session of the calendar, the position in REGIMES; -1 where unknown."""
    numbers = np.full(len(session_table()), -1, dtype="int64")
    dates = pd.DatetimeIndex(regimes["session_date"])
    known = pd.DatetimeIndex(regimes["known_at"]) <= at_new_york(dates, DECISION_TIME)
    found = pd.Index(REGIMES).get_indexer(pd.Index(regimes["regime"]))
    sessions = session_ordinals(dates)
    usable = known & (sessions >= 0)
    numbers[sessions[usable]] = found[usable]
    return numbers


def _sector_numbers(sectors: pd.DataFrame, symbols: NDArray[np.object_]) -> NDArray[np.int64]:
    """Return the number of each symbol's sector; -1 where it has none."""
    of_symbol = sectors.drop_duplicates("symbol").set_index("symbol")["gics_sector"]
    return pd.factorize(of_symbol.reindex(symbols), sort=True)[0].astype("int64")
