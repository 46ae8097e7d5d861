"""How many falls lack the context that their features rest on."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_ordinals
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.context import ContextBook

_PRICES = [k.HIGH_52W, k.LOW_52W, k.SMA_20, k.SMA_50, k.SMA_200, k.CLOSE_BEFORE]


def missing_context(
    falls: pd.DataFrame,
    facts: pd.DataFrame,
    book: ContextBook,
    ordinals: NDArray[np.int64],
    levels: NDArray[np.float64],
) -> dict[str, int]:
    """Return the number of falls without each kind of context.

    Args:
        falls: symbol, session_date and detected_at of selloffs.events.
        facts: symbol, session_date and first_closes_at of the sessions of minutes.
        book: What was known before each session.
        ordinals: Sessions of `levels`, rising.
        levels: Of the book for these sessions.
    """
    session = session_ordinals(pd.DatetimeIndex(falls["session_date"]))
    code = pd.Index(book.symbols).get_indexer(pd.Index(falls["symbol"]))
    own = levels[np.searchsorted(ordinals, session), code]
    vix = {int(day): book.vix_before(int(day)) for day in np.unique(session)}
    index = str(book.symbols[book.index_at]) if book.index_at >= 0 else ""
    begun = facts.loc[facts["symbol"].eq(index)].set_index("session_date")["first_closes_at"]
    has_index = begun.reindex(falls["session_date"]).array <= falls["detected_at"].array
    has_vix = ~np.isnan(np.array([vix[int(day)] for day in session], dtype="float64"))
    return {
        "falls": len(falls),
        "falls without any daily level": int(np.isnan(own[:, _PRICES]).all(axis=1).sum()),
        "falls without a 52-week range": int(np.isnan(own[:, k.HIGH_52W]).sum()),
        "falls without the close before": int(np.isnan(own[:, k.CLOSE_BEFORE]).sum()),
        "falls without a spread level": int(np.isnan(own[:, k.SPREAD_LEVEL]).sum()),
        "falls without the broad index": int((~np.asarray(has_index, dtype=bool)).sum()),
        "falls without the VIX": int((~has_vix).sum()),
    }
