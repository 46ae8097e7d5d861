"""What a scan knows before its session opens: the context that history has for that session too."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from trading_pipeline.adapters.sql_files import read_sql
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.selloffs import history
from trading_pipeline.domain.selloffs.context import ContextBook, ContextTables
from trading_pipeline.domain.selloffs.history import session_grids
from trading_pipeline.domain.selloffs.live_minutes import ScanSession
from trading_pipeline.domain.selloffs.session_scan import SessionContext

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
    back = config.selloffs.volume_curve_sessions
    first, last = session_dates(np.array([session.session - back, session.session - 1]))
    before = read(
        read_sql("queries/selloffs/minutes"),
        {"symbols": every, "first_date": first.date(), "last_date": last.date()},
    )
    grids = session_grids(before, len(every))
    return history.session_context(book, session.session_date, grids)


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
