"""The book by month, by fall and by size: when it earned, how deep it sank, what it can carry."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.grid import Floats

# Of 20 orders one may be cut by the volume limit before a book counts as full.
CROWDED_QUANTILE = 0.95
DRAWDOWN_COLUMNS = (
    "peak_date",
    "trough_date",
    "recovered_date",
    "depth_frac",
    "n_sessions_down",
    "n_sessions_up",
    "n_sessions",
)


def monthly_table(
    equity: pd.DataFrame, trades: pd.DataFrame, config: BacktestConfig
) -> pd.DataFrame:
    """Return backtest.monthly: what each calendar month earned, held and traded, in order.

    `equity` and `trades` come from one book. Returns are over the fixed capital and add up, so
    the months sum to the book's net return; the index's compounds over its known sessions and is
    missing where it has none. Turnover counts entries and exits at their prices.
    """
    later = equity.iloc[1:]
    month = later["session_date"].dt.to_period("M").dt.start_time
    cost = later["cost_usd"] / config.capital_usd
    frame = pd.DataFrame(
        {
            "net_return_frac": later["return_frac"],
            "cost_frac": cost,
            "gross_return_frac": later["return_frac"] + cost,
        }
    )
    table = frame.groupby(month).sum()
    growth = (1 + later["index_return_frac"].astype("float64")).groupby(month)
    table["index_return_frac"] = growth.prod(min_count=1) - 1
    table["gross_exposure_frac"] = later["gross_exposure_frac"].groupby(month).mean()
    exits = (trades["quantity"] * trades["exit_price"]).abs()
    by_entry = trades["notional_usd"].groupby(_month(trades["entry_date"]))
    traded = by_entry.sum().add(exits.groupby(_month(trades["exit_date"])).sum(), fill_value=0.0)
    table["turnover_frac"] = traded.reindex(table.index, fill_value=0.0) / config.capital_usd
    table["n_entries"] = by_entry.size().reindex(table.index, fill_value=0).astype("int64")
    table["n_sessions"] = later["session_date"].groupby(month).size()
    return table.rename_axis("month_date").reset_index()


def drawdown_table(equity: pd.DataFrame) -> pd.DataFrame:
    """Return backtest.drawdowns: every fall below a peak, deepest first.

    `equity` is backtest.equity. A fall runs from its peak's close over the lowest close to the
    first close at or above the peak; one that is still open has no such date, and its recovery
    is missing. Lengths count sessions.
    """
    dates = equity["session_date"].to_numpy()
    fall = equity["drawdown_frac"].to_numpy("float64")
    is_below = np.concatenate([[False], fall < 0, [False]])
    starts = np.flatnonzero(is_below[1:] & ~is_below[:-1])
    ends = np.flatnonzero(is_below[:-1] & ~is_below[1:])
    rows = []
    for start, end in zip(starts, ends, strict=True):
        trough = int(start + np.argmin(fall[start:end]))
        # The first close of a book is its peak so far, so a fall never begins there.
        peak, is_open = start - 1, end == fall.size
        rows.append(
            {
                "peak_date": dates[peak],
                "trough_date": dates[trough],
                "recovered_date": np.datetime64("NaT") if is_open else dates[end],
                "depth_frac": fall[trough],
                "n_sessions_down": trough - peak,
                "n_sessions_up": None if is_open else end - trough,
                "n_sessions": (fall.size - 1 if is_open else end) - peak,
            }
        )
    table = pd.DataFrame(rows, columns=list(DRAWDOWN_COLUMNS))
    for name in ("peak_date", "trough_date", "recovered_date"):
        table[name] = pd.to_datetime(table[name]).astype("datetime64[ns]")
    for name in ("n_sessions_down", "n_sessions_up", "n_sessions"):
        table[name] = table[name].astype("Int64")
    table["depth_frac"] = table["depth_frac"].astype("float64")
    ordered = table.sort_values(["depth_frac", "peak_date"], ignore_index=True)
    ordered.insert(0, "position", np.arange(1, len(ordered) + 1))
    return ordered


class Capacity(NamedTuple):
    """Capital in USD a book can carry, and the orders it was read from."""

    capital_usd: float
    shares_of_volume: Floats


def capacity(trades: pd.DataFrame, bars: pd.DataFrame, config: BacktestConfig) -> Capacity:
    """Return the capital at which one order in 20 meets the limit on its bar's volume.

    Orders grow with the capital; the shares of volume they took at their entry are in order of
    time. Missing where no entry's volume is known.
    """
    known = trades.merge(
        bars[["symbol", "session_date", "volume"]].dropna(),
        left_on=["symbol", "entry_date"],
        right_on=["symbol", "session_date"],
    ).sort_values(["entry_date", "symbol", "cohort"])
    share = (known["quantity"].abs() / known["volume"]).to_numpy("float64")
    return Capacity(capital_at_limit(share, config), share)


def capital_at_limit(shares_of_volume: Floats, config: BacktestConfig) -> float:
    """Return the capital at which the 95 % quantile of these shares reaches the limit."""
    if shares_of_volume.size == 0:
        return float("nan")
    crowded = float(np.quantile(shares_of_volume, CROWDED_QUANTILE))
    return config.capital_usd * config.max_volume_frac / crowded


def _month(dates: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    return dates.dt.to_period("M").dt.start_time
