"""Scans many sessions, one after another: the history of falls and their features.

Each session is one grid that `SessionScan`'s kernels walk; what came before is carried in the
volume curves alone, so memory does not grow with the number of sessions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.bars.sessions import session_dates, session_ordinals
from trading_pipeline.domain.bars.spreads import SESSION_MINUTES
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.context import ContextBook, VolumeCurves
from trading_pipeline.domain.selloffs.session_scan import (
    DAY_MINUTES,
    EVENT_COLUMNS,
    Found,
    SessionContext,
    Walker,
    fill_grids,
    found_frame,
    hours_of,
    opening_minutes,
)


@dataclass(frozen=True)
class SessionGrids:
    """Regular minutes of some sessions: (sessions, N_PRICES, symbols, minutes), NaN where none.

    `sessions` are the ordinals that have bars, rising.
    """

    sessions: NDArray[np.int64]
    grids: NDArray[np.float64]

    @property
    def days(self) -> list[pd.Timestamp]:
        """The sessions' dates."""
        return list(session_dates(self.sessions))


def session_grids(minutes: pd.DataFrame, n_symbols: int) -> SessionGrids:
    """Return minutes as grids.

    Args:
        minutes: code (place among the scanned symbols), opens_minute (minutes since 1970, UTC),
            open, high, low, close, volume; regular minutes in any order.
        n_symbols: How many symbols are scanned.
    """
    opens = minutes["opens_minute"].to_numpy("int64")
    days = opens // DAY_MINUTES
    if not len(days):
        nothing = np.empty((0, k.N_PRICES, n_symbols, SESSION_MINUTES))
        return SessionGrids(np.empty(0, dtype="int64"), nothing)
    first = int(days.min())
    listed = np.flatnonzero(np.bincount(days - first))
    place_of = np.full(int(listed[-1]) + 1, -1, dtype="int64")
    place_of[listed] = np.arange(listed.size)
    place = place_of[days - first]
    sessions = session_ordinals(pd.DatetimeIndex((listed + first).astype("M8[D]").astype("M8[ns]")))
    minute = opens - opening_minutes(sessions)[place]
    grids = np.full((listed.size, k.N_PRICES, n_symbols, SESSION_MINUTES), np.nan)
    fill_grids(grids, place, minutes["code"].to_numpy("int64"), minute, minutes)
    return SessionGrids(sessions, grids)


class HistoryScan:
    """Scans sessions in rising order with the same kernels as the live scan."""

    def __init__(
        self, book: ContextBook, config: SelloffsConfig, before: SessionGrids | None = None
    ) -> None:
        """`before` holds the sessions before the first one scanned: their volume is usual."""
        self._book = book
        self._walker = Walker(config, len(book.symbols))
        self._curves = book.curves() if before is None else curves_after(book, before)

    def scan(
        self, minutes: SessionGrids, levels: NDArray[np.float64] | None = None
    ) -> pd.DataFrame:
        """Return events and features (SCAN_COLUMNS) of some sessions, and carry on after them.

        `levels` are those of the book for these sessions, where the caller has them.
        """
        found: list[Found] = []
        contexts = self._book.contexts(minutes.days, self._curves, levels)
        for context, grid in zip(contexts, minutes.grids, strict=True):
            found.append(self._walker.walk(grid, self._walker.nothing_told(), context))
            self._curves.add(context.session, context.n_minutes, grid)
        return found_frame(found, self._walker.rungs)


def curves_after(book: ContextBook, minutes: SessionGrids) -> VolumeCurves:
    """Return the volume curves of the symbols after some sessions."""
    curves = book.curves()
    for day, grid in zip(minutes.days, minutes.grids, strict=True):
        hours = hours_of(day)
        curves.add(hours.session, hours.n_minutes, grid)
    return curves


def session_context(
    book: ContextBook, session_date: pd.Timestamp, before: SessionGrids
) -> SessionContext:
    """Return the context of one session, for the live scan; the same values as in history.

    Args:
        book: Made of what is known before the session; later rows are not read.
        session_date: The session.
        before: Regular minutes of the `volume_curve_sessions` sessions of the calendar before it;
            none leaves the volume curve missing.

    Raises InputError where the exchange is closed that day.
    """
    return next(book.contexts([pd.Timestamp(session_date)], curves_after(book, before)))


def find_events(
    minutes: SessionGrids,
    symbols: NDArray[np.object_],
    is_equity: NDArray[np.bool_],
    config: SelloffsConfig,
) -> pd.DataFrame:
    """Return EVENT_COLUMNS: the falls of some sessions alone, for which no context is needed."""
    n_symbols = len(symbols)
    walker = Walker(config, n_symbols)
    found = []
    for day, grid in zip(minutes.days, minutes.grids, strict=True):
        hours = hours_of(day)
        context = SessionContext(
            session_date=day,
            session=hours.session,
            opens_at=hours.opens_at,
            n_minutes=hours.n_minutes,
            symbols=symbols,
            is_equity=is_equity,
            sector=np.full(n_symbols, -1, dtype="int64"),
            index_at=-1,
            levels=np.full((n_symbols, k.N_LEVELS), np.nan),
            curves=np.full((1, n_symbols, SESSION_MINUTES), np.nan),
            spread_shape=np.ones(SESSION_MINUTES),
            vix=np.nan,
        )
        found.append(walker.walk(grid, walker.nothing_told(), context))
    return found_frame(found, walker.rungs)[list(EVENT_COLUMNS)]
