"""The training target: which equities beat the universe over the horizon, and when it was known."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import LabelsConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.labels.uniqueness import average_uniqueness

KEPT_BAR_COLUMNS = [
    "symbol",
    "session",
    "open",
    "close",
    "adj_factor",
    "has_vendor_seam",
    "known_at",
]


def label_direction(
    bars: pd.DataFrame, universe: pd.DataFrame, config: LabelsConfig, min_symbols: int
) -> pd.DataFrame:
    """Return the columns of `labels.direction`, one row per equity and session with a bar.

    The decision falls after the close of session s, the entry on the symbol's next bar inside the
    span [s+1, s+h] at its open (its close, where the source has no open), the exit at the last
    close inside the span: that of s+h, or earlier where the symbol ended or had no bar there. A
    label closes only once session s+h lies inside the data, ended symbols too, so that cutting the
    data never changes a label known before the cut.

    Args:
        bars: Rows of `bars.daily`.
        universe: Rows of `bars.universe`; equities alone are labelled.
        config: Target and horizon.
        min_symbols: Sessions with fewer labelled equities have no label.

    Returns:
        Ordered by symbol and session. `label` is float: 1 above the median (target `excess`) or
        above zero (`raw`), 0 not above (ties too), NaN where open, thin, across a vendor seam, or
        never entered. `end_date` is the exit bar's date where the symbol had none on
        `end_session`. `known_at` is NaT while open.

    Raises:
        ValueError: If a symbol has two bars in a session.
    """
    horizon = config.horizon_sessions
    equities = universe.loc[universe["kind"] == "equity", "symbol"]
    rows = bars.loc[bars["symbol"].isin(equities), KEPT_BAR_COLUMNS]
    rows = rows.sort_values(["symbol", "session"], ignore_index=True)
    code = pd.factorize(rows["symbol"])[0].astype("int64")
    session = rows["session"].to_numpy("int64")
    if ((np.diff(code) == 0) & (np.diff(session) == 0)).any():
        raise ValueError("a symbol has two daily bars in a session; clean the bars first")

    last_session = session.max(initial=-1)
    end_session = session + horizon
    is_closed = end_session <= last_session
    entry, exit_ = span_bars(code, session, horizon)
    is_entered = exit_ >= entry
    forward = forward_returns(rows, entry, exit_)
    forward[~(is_closed & is_entered)] = np.nan

    n_symbols, median = session_medians(session, forward, min_symbols)
    excess = forward - median
    score = excess if config.target == "excess" else np.where(np.isnan(median), np.nan, forward)
    calendar = session_table()
    dates = calendar["session_date"].to_numpy()
    exits_early = is_closed & is_entered & (session[exit_] < end_session)
    uniqueness = average_uniqueness(code, session, horizon)
    return pd.DataFrame(
        {
            "symbol": rows["symbol"],
            "session_date": dates[session],
            "session": session,
            "start_session": session + 1,
            "end_session": end_session,
            "end_date": dates[np.where(exits_early, session[exit_], end_session)],
            "forward_return_frac": forward,
            "median_return_frac": median,
            "excess_return_frac": excess,
            "label": np.where(np.isnan(score), np.nan, score > 0),
            "is_closed": is_closed,
            "uniqueness": np.where(is_closed, uniqueness, np.nan),
            "n_symbols": n_symbols,
            "known_at": known_at(rows, session, end_session, exit_, is_closed),
        }
    )


def span_bars(
    code: NDArray[np.int64], session: NDArray[np.int64], horizon: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the first bar after each row and of the last bar of its span.

    The span holds no bar of the symbol where the last lies before the first; the first is then
    kept inside the array. Rows are ordered by symbol code and session.
    """
    wide = np.int64(session.max(initial=0) + horizon + 2)
    keys = code * wide + session
    exit_ = np.searchsorted(keys, keys + horizon, side="right") - 1
    return np.arange(1, len(keys) + 1), exit_.astype("int64")


def forward_returns(
    rows: pd.DataFrame, entry: NDArray[np.int64], exit_: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return exit close over entry price - 1, NaN where a vendor seam lies inside the span."""
    factor = rows["adj_factor"].to_numpy("float64")
    close = rows["close"].to_numpy("float64") * factor
    opened = rows["open"].to_numpy("float64") * factor
    entry_price = np.where(np.isnan(opened), close, opened)
    entered = np.minimum(entry, len(rows) - 1)
    n_seams = np.concatenate([[0], np.cumsum(rows["has_vendor_seam"].to_numpy(dtype="int64"))])
    is_seam_inside = n_seams[exit_ + 1] > n_seams[np.minimum(entry, exit_ + 1)]
    forward = close[exit_] / entry_price[entered] - 1
    return np.where(is_seam_inside, np.nan, forward)


def session_medians(
    session: NDArray[np.int64], forward: NDArray[np.float64], min_symbols: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return per row its session's number of labelled equities, and their median return.

    The median is NaN in sessions with fewer than `min_symbols`.
    """
    by_session = pd.Series(forward).groupby(session)
    n_symbols = by_session.transform("count").to_numpy("int64")
    median = by_session.transform("median").to_numpy("float64")
    return n_symbols, np.where(n_symbols >= min_symbols, median, np.nan)


def known_at(
    rows: pd.DataFrame,
    session: NDArray[np.int64],
    end_session: NDArray[np.int64],
    exit_: NDArray[np.int64],
    is_closed: NDArray[np.bool_],
) -> pd.Series:
    """Return when each label was first known: the close of its last session, NaT while open.

    An exit bar that had to wait for its confirmation delays every label of its session, because
    the median waits for it.
    """
    closes_at = session_table()["closes_at"]
    last_close = closes_at.iloc[end_session].reset_index(drop=True)
    exit_known_at = pd.to_datetime(rows["known_at"], utc=True).iloc[exit_].reset_index(drop=True)
    slowest = exit_known_at.groupby(session).transform("max")
    return last_close.where(~(slowest > last_close), slowest).where(is_closed)
