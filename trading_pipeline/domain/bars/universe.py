"""Which symbols the data hold: kind, span, whether they ended early, whether they are simulated."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_table

# A symbol that stops this many sessions before the data do has left the exchange.
DELISTED_AFTER_SESSIONS = 5


def build_universe(
    spans: pd.DataFrame,
    kinds: pd.DataFrame,
    index_symbol: str | None,
    listed: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return the columns of `bars.universe`, one row per symbol, sorted.

    Args:
        spans: One row per symbol and table: symbol, first_date, last_date, n_sessions, as from
            `daily_spans` and from the minute bars. Where a symbol has both, daily bars count.
        kinds: What the source's files say: symbol, kind, is_simulated, covered_until (last date
            of the files that hold the symbol; NaT: of all data).
        index_symbol: The broad index, or None. It is context, never an equity.
        listed: The source's universe file: symbol, kind; it overrides the files. Or None.

    Delisted means: the last bar lies more than five sessions before the end of the files that
    hold the symbol. A vendor who delivers some symbols longer does not delist the others.
    """
    rows = spans.drop_duplicates("symbol").merge(
        kinds.drop_duplicates("symbol"), on="symbol", how="left"
    )
    rows["kind"] = rows["kind"].fillna("equity")
    rows["is_simulated"] = rows["is_simulated"].eq(True)
    if listed is not None:
        given = listed.drop_duplicates("symbol").set_index("symbol")["kind"]
        rows["kind"] = rows["symbol"].map(given).fillna(rows["kind"])
    rows["is_index"] = rows["symbol"].eq(index_symbol or "")
    rows.loc[rows["is_index"] & rows["kind"].eq("equity"), "kind"] = "index"
    covered = rows["covered_until"].fillna(rows["last_date"].max())
    ends = session_index(covered)
    rows["is_delisted"] = ends - session_index(rows["last_date"]) > DELISTED_AFTER_SESSIONS
    columns = ["symbol", "kind", "is_index", "first_date", "last_date", "n_sessions"]
    ordered = rows.sort_values("symbol", ignore_index=True)
    return ordered[[*columns, "is_delisted", "is_simulated"]]


def session_index(dates: pd.Series) -> NDArray[np.int64]:
    """Return how many sessions lie at or before each date."""
    calendar = session_table()["session_date"].to_numpy()
    return np.searchsorted(calendar, dates.to_numpy("datetime64[ns]"), side="right")


def daily_spans(bars: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, first_date, last_date, n_sessions of daily bars."""
    return bars.groupby("symbol", as_index=False).agg(
        first_date=("session_date", "min"),
        last_date=("session_date", "max"),
        n_sessions=("session_date", "size"),
    )
