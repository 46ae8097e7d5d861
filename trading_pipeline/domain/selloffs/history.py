"""Scans many sessions, one after another: the history of falls and their features.

Each session is one grid that `SessionScan`'s kernels walk; what came before is carried in the
volume curves alone, so memory does not grow with the number of sessions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.bars.sessions import session_dates, session_ordinals, session_table
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.context import ContextBook, VolumeCurves
from trading_pipeline.domain.selloffs.session_scan import (
    EVENT_COLUMNS,
    MINUTE_NS,
    Found,
    SessionContext,
    Walker,
    found_frame,
    hours_of,
)


@dataclass(frozen=True)
class CodedMinutes:
    """Regular minutes as the kernels take them, by session, then as given.

    `sessions` are the ordinals that have bars, in order; bars of the i-th lie between
    `edges[i]` and `edges[i + 1]`. `minute` counts from the session's open.
    """

    sessions: NDArray[np.int64]
    edges: NDArray[np.int64]
    symbol: NDArray[np.int64]
    minute: NDArray[np.int64]
    prices: NDArray[np.float64]


def coded_minutes(minutes: pd.DataFrame) -> CodedMinutes:
    """Return minutes by session.

    Args:
        minutes: code (place among the scanned symbols), session_day (days since 1970),
            opens_minute (minutes since 1970, UTC), open, high, low, close, volume; regular
            minutes in any order.
    """
    days = minutes["session_day"].to_numpy("int64")
    unique, inverse = np.unique(days, return_inverse=True)
    ordinals = session_ordinals(pd.DatetimeIndex(unique.astype("M8[D]").astype("M8[ns]")))
    # Few distinct sessions: small whole numbers sort by radix, ten times faster.
    order = np.argsort(inverse.astype("int16"), kind="stable")
    opens = session_table()["opens_at"].astype("int64").to_numpy("int64")[ordinals] // MINUTE_NS
    prices = np.empty((k.N_PRICES, len(order)))
    for place, name in enumerate(("open", "high", "low", "close", "volume")):
        prices[place] = minutes[name].to_numpy("float64")[order]
    since = minutes["opens_minute"].to_numpy("int64") - opens[inverse]
    return CodedMinutes(
        sessions=ordinals,
        edges=np.searchsorted(inverse[order], np.arange(len(unique) + 1)).astype("int64"),
        symbol=minutes["code"].to_numpy("int64")[order],
        minute=since[order],
        prices=prices,
    )


class HistoryScan:
    """Scans sessions in rising order with the same kernels as the live scan."""

    def __init__(
        self, book: ContextBook, config: SelloffsConfig, before: CodedMinutes | None = None
    ) -> None:
        """`before` holds the sessions before the first one scanned: their volume is usual."""
        self._book = book
        self._walker = Walker(config, len(book.symbols))
        self._curves = curves_after(book, before) if before is not None else book.curves()

    def scan(
        self, minutes: CodedMinutes, levels: NDArray[np.float64] | None = None
    ) -> pd.DataFrame:
        """Return events and features (SCAN_COLUMNS) of some sessions, and carry on after them.

        `levels` are those of the book for these sessions, where the caller has them.
        """
        days = list(session_dates(minutes.sessions))
        found: list[Found] = []
        for place, context in enumerate(self._book.contexts(days, self._curves, levels)):
            grid = session_grid(minutes, place, len(context.symbols), context.n_minutes)
            found.append(self._walker.walk(grid, self._walker.nothing_told(), context))
            self._curves.add(context.session, grid)
        return found_frame(found, self._walker.rungs)


def curves_after(book: ContextBook, minutes: CodedMinutes) -> VolumeCurves:
    """Return the volume curves of the symbols after some sessions."""
    curves = book.curves()
    for place, day in enumerate(session_dates(minutes.sessions)):
        hours = hours_of(day)
        grid = session_grid(minutes, place, len(book.symbols), hours.n_minutes)
        curves.add(hours.session, grid)
    return curves


def session_context(
    book: ContextBook, session_date: pd.Timestamp, before: CodedMinutes
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
    minutes: CodedMinutes,
    symbols: NDArray[np.object_],
    is_equity: NDArray[np.bool_],
    config: SelloffsConfig,
) -> pd.DataFrame:
    """Return EVENT_COLUMNS: the falls of some sessions alone, for which no context is needed."""
    n_symbols = len(symbols)
    walker = Walker(config, n_symbols)
    found = []
    for place, day in enumerate(session_dates(minutes.sessions)):
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
            curves=np.full((1, n_symbols, hours.n_minutes), np.nan),
            spread_shape=np.ones(hours.n_minutes),
            vix=np.nan,
        )
        grid = session_grid(minutes, place, n_symbols, hours.n_minutes)
        found.append(walker.walk(grid, walker.nothing_told(), context))
    return found_frame(found, walker.rungs)[list(EVENT_COLUMNS)]


def session_grid(
    minutes: CodedMinutes, place: int, n_symbols: int, n_minutes: int
) -> NDArray[np.float64]:
    """Return the grid (N_PRICES, symbols, minutes) of the session at `place`."""
    grid = np.full((k.N_PRICES, n_symbols, n_minutes), np.nan)
    rows = slice(minutes.edges[place], minutes.edges[place + 1])
    prices = np.ascontiguousarray(minutes.prices[:, rows])
    k.fill_grid(grid, minutes.symbol[rows], minutes.minute[rows], prices)
    return grid
