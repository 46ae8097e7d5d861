"""What a scan knows before its session opens: the context that history has for that session too."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from trading_pipeline.adapters.sql_files import read_sql
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.context import ContextBook, ContextTables, VolumeCurves
from trading_pipeline.domain.selloffs.history import coded_minutes
from trading_pipeline.domain.selloffs.live_minutes import ScanSession
from trading_pipeline.domain.selloffs.session_scan import SessionContext, hours_of

Read = Callable[[str, Mapping[str, object] | None], pd.DataFrame]


def session_context(
    read: Read, session: ScanSession, symbols: Sequence[str], config: PipelineConfig
) -> SessionContext:
    """Return the context of one session, of bars before it alone.

    Args:
        read: The `read` of a warehouse.
        session: The session to be scanned; its own bars need not be there.
        symbols: Symbols whose bars will come.
        config: Settings; those of the falls and of the spreads act.
    """
    tables = _tables(read)
    # A symbol keeps its place whether or not it trades today, as in history.
    every = sorted({*symbols, *tables.minute_sessions["symbol"]})
    book = ContextBook(tables, every, config.selloffs, config.bars.spreads)
    curves = _curves(read, book, session, config.selloffs.volume_curve_sessions)
    return next(book.contexts([session.session_date], curves))


def _tables(read: Read) -> ContextTables:
    return ContextTables(
        universe=read("select symbol, kind, is_index from bars.universe", None),
        daily=read(read_sql("queries/selloffs/daily_bars"), None),
        vix=read("select session_date, close, known_at from bars.vix", None),
        sectors=read("select symbol, gics_sector from bars.sectors", None),
        actions=read(
            "select symbol, ex_date, action, ratio, known_at from bars.corporate_actions", None
        ),
        minute_sessions=read(read_sql("queries/selloffs/minute_sessions"), None),
        quotes=read(read_sql("queries/selloffs/quote_sessions"), None),
    )


def _curves(read: Read, book: ContextBook, session: ScanSession, back: int) -> VolumeCurves:
    """Return the volume curves of the sessions before, those without bars left empty."""
    curves = book.curves()
    first, last = session_dates(np.array([session.session - back, session.session - 1]))
    rows = read(
        read_sql("queries/selloffs/minutes"),
        {"symbols": list(book.symbols), "first_date": first.date(), "last_date": last.date()},
    )
    if rows.empty:
        return curves
    minutes = coded_minutes(rows)
    days = session_dates(minutes.sessions)
    for place, (ordinal, day) in enumerate(zip(minutes.sessions, days, strict=True)):
        shape = (k.N_PRICES, len(book.symbols), hours_of(pd.Timestamp(day)).n_minutes)
        grid = np.full(shape, np.nan)
        part = slice(minutes.edges[place], minutes.edges[place + 1])
        prices = np.ascontiguousarray(minutes.prices[:, part])
        k.fill_grid(grid, minutes.symbol[part], minutes.minute[part], prices)
        curves.add(int(ordinal), grid)
    return curves
