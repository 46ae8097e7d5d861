"""The book at every close: cash, positions at their marks, costs, drawdown, the index beside."""

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.grid import Floats, PriceGrid, Rows, price_grid
from trading_pipeline.domain.backtest.trades import trade_costs

EQUITY_COLUMNS = (
    "session_date",
    "cash_usd",
    "position_usd",
    "equity_usd",
    "cost_usd",
    "gross_exposure_frac",
    "return_frac",
    "drawdown_frac",
    "index_return_frac",
)


def build_equity(
    trades: pd.DataFrame, bars: pd.DataFrame, index_bars: pd.DataFrame, config: BacktestConfig
) -> pd.DataFrame:
    """Return backtest.equity from the session before the first entry to the last exit.

    `trades` is what build_trades made of the same `bars` and `config`; `index_bars` are the rows
    of bars.daily of the broad index, possibly none. Equity is cash plus the sum of quantity times
    mark, the mark of a session without a bar being the last close. `return_frac` is the change of
    equity over the fixed capital, so the returns add up to the book's net return. The index's
    return is missing where it has no bar in one of the two sessions or prices do not compare.
    """
    if trades.empty:
        kinds = dict.fromkeys(EQUITY_COLUMNS, "float64") | {"session_date": "datetime64[ns]"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    trades = trades.sort_values(["cohort", "symbol", "side"], ignore_index=True)
    recent = bars[bars["session_date"] >= trades["decided_date"].min()]
    grid = price_grid(recent, pd.Index(trades["symbol"]))
    entry = grid.dates.get_indexer(pd.DatetimeIndex(trades["entry_date"]))
    leave = grid.dates.get_indexer(pd.DatetimeIndex(trades["exit_date"]))
    column = grid.symbols.get_indexer(pd.Index(trades["symbol"]))
    if (entry < 0).any() or (leave < 0).any():
        raise ValueError("trades were not made from these bars: an entry or exit has no session")
    quantity = trades["quantity"].to_numpy()
    entry_price = trades["entry_price"].to_numpy()
    costs = trade_costs(grid, entry, leave, column, quantity, entry_price, config)

    n = grid.sessions.size
    # The loan is paid from the entry's session to the exit's, both included.
    borrow = np.cumsum(
        _sum_by_row(entry, costs.borrow_per_session, n + 1)
        - _sum_by_row(leave + 1, costs.borrow_per_session, n + 1)
    )[:n]
    cost = _sum_by_row(entry, costs.entry, n) + _sum_by_row(leave, costs.exit, n) + borrow
    paid = _sum_by_row(entry, quantity * entry_price, n)
    received = _sum_by_row(leave, quantity * trades["exit_price"].to_numpy(), n)
    cash = config.capital_usd + np.cumsum(received - paid - cost)
    longs = _position_usd(grid, entry, leave, column, np.maximum(quantity, 0))
    shorts = _position_usd(grid, entry, leave, column, np.minimum(quantity, 0))
    equity = cash + longs + shorts

    frame = pd.DataFrame(
        {
            "session_date": grid.dates,
            "cash_usd": cash,
            "position_usd": longs + shorts,
            "equity_usd": equity,
            "cost_usd": cost,
            "gross_exposure_frac": (longs - shorts) / equity,
            "return_frac": np.diff(equity, prepend=config.capital_usd) / config.capital_usd,
            "drawdown_frac": equity / np.maximum.accumulate(equity) - 1,
            "index_return_frac": _index_returns(index_bars, grid),
        }
    )
    # One quiet session before the first entry: the start every return is counted from.
    return frame.iloc[max(entry.min() - 1, 0) : leave.max() + 1].reset_index(drop=True)


def _sum_by_row(rows: Rows, values: Floats, n_rows: int) -> Floats:
    """Return the sum of the values that fall on each row."""
    total: Floats = np.bincount(rows, weights=values, minlength=n_rows).astype("float64")
    return total


def _position_usd(
    grid: PriceGrid, entry: Rows, leave: Rows, column: Rows, quantity: Floats
) -> Floats:
    """Return quantity times mark per session, over positions open at its close."""
    units = quantity / grid.factor[entry, column]
    shape = grid.close.shape
    changes = np.zeros(shape)
    np.add.at(changes, (entry, column), units)
    np.add.at(changes, (leave, column), -units)
    n_open = np.zeros(shape, dtype="int64")
    np.add.at(n_open, (entry, column), 1)
    np.add.at(n_open, (leave, column), -1)
    # Where nothing is open the running sum is rounding only, so it is set to exactly nothing.
    held = np.where(np.cumsum(n_open, axis=0) > 0, np.cumsum(changes, axis=0), 0.0)
    total: Floats = np.where(held == 0, 0.0, held * grid.marks()).sum(axis=1)
    return total


def _index_returns(index_bars: pd.DataFrame, grid: PriceGrid) -> Floats:
    """Return the index's change per session of the grid; NaN where it cannot be told."""
    index = index_bars.set_index("session").sort_index().reindex(grid.sessions)
    level = (index["close"] * index["adj_factor"]).astype("float64")
    change = level / level.shift(1) - 1
    returns: Floats = change.mask(index["has_vendor_seam"].eq(True)).to_numpy("float64")
    return returns
