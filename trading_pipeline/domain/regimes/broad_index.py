"""The broad index that regimes and benchmarks look at: a symbol, or the mean of the equities."""

import pandas as pd

from trading_pipeline.domain.bars.sessions import session_table

EQUAL_WEIGHT = "equal-weight mean of the equities"


def broad_index(bars: pd.DataFrame, universe: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return (index bars, where they come from), one row per session between first and last bar.

    ``bars`` has the columns of `bars.daily`, ``universe`` those of `bars.universe`. The index is
    the symbol marked `is_index`; where there is none, the compounded mean return of the equities
    with a bar in both sessions. Columns: session_date, session, close (comparable across
    sessions, NaN where the index has no bar), known_at (NaT there).
    """
    symbols = universe.loc[universe["is_index"], "symbol"]
    calendar = session_table()
    covered = calendar["session_date"].between(
        bars["session_date"].min(), bars["session_date"].max()
    )
    sessions = calendar.loc[covered, ["session_date", "session"]]
    if len(symbols):
        name = str(symbols.iloc[0])
        own = bars.loc[bars["symbol"] == name]
        level = own.assign(close=own["close"] * own["adj_factor"])
    else:
        name = EQUAL_WEIGHT
        level = _equal_weight(bars, universe)
    columns = ["session_date", "close", "known_at"]
    return sessions.merge(level[columns], on="session_date", how="left"), name


def _equal_weight(bars: pd.DataFrame, universe: pd.DataFrame) -> pd.DataFrame:
    equities = universe.loc[universe["kind"] == "equity", "symbol"]
    rows = bars.loc[bars["symbol"].isin(equities)].sort_values(["symbol", "session"])
    price = rows["close"] * rows["adj_factor"]
    change = price.groupby(rows["symbol"]).pct_change().mask(rows["has_vendor_seam"])
    by_session = rows.assign(change=change).groupby("session_date", as_index=False)
    level = by_session.agg(change=("change", "mean"), known_at=("known_at", "max"))
    level["close"] = 100.0 * (1.0 + level["change"].fillna(0.0)).cumprod()
    return level
