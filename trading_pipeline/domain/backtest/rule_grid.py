"""Many parameter sets of one rule on one symbol's bars, each kept as the ledger keeps its book.

The rule: long after a close at which the mean of the last `fast` closes is above that of the last
`slow`. Every such close opens one cohort, as in the staggered book: it fills at the next open,
holds for `hold` sessions and ends at a close, with 1 / hold of the fixed capital.
"""

from math import sqrt

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.costs import BPS, SESSIONS_PER_YEAR
from trading_pipeline.domain.backtest.grid import Floats

FIGURES = ("net_return_frac", "cost_frac", "sharpe_net", "max_drawdown_frac", "n_trades")


def rule_grid(bars: pd.DataFrame, sets: pd.DataFrame, config: BacktestConfig) -> pd.DataFrame:
    """Return one row per parameter set: fast, slow, hold, and the figures of its book.

    `bars` has open and close of one symbol in order of time, comparable over splits; a missing
    open fills at the close. `sets` has fast, slow and hold, whole numbers from 1. Costs are basis
    points of the notional, impact as where volume is missing; `config.hold_sessions` and the
    volume limit do not act. Figures equal those of build_trades and build_equity of the same
    orders: returns over the fixed capital, the Sharpe per year from the first entry to the last
    exit, NaN where nothing moved. Raises ValueError for a price or a parameter that is impossible.
    """
    close = bars["close"].to_numpy("float64")
    opened = bars["open"].to_numpy("float64")
    opened = np.where(np.isnan(opened), close, opened)
    # Written so that a missing price fails it.
    if not ((close > 0).all() and (opened > 0).all()):
        raise ValueError("a close is missing or a price is not positive; clean the bars first")
    spans = sets[["fast", "slow", "hold"]].to_numpy("int64")
    if (spans < 1).any():
        raise ValueError("fast, slow and hold count sessions from 1")
    impact = config.impact_bps * sqrt(config.max_volume_frac)
    bps = config.half_spread_bps + config.slippage_bps + impact + config.commission_bps
    total = np.concatenate([[0.0], np.cumsum(close)])
    figures = _keep_books(opened, close, total, spans, bps * BPS)
    frame = pd.DataFrame(figures, columns=list(FIGURES))
    frame["sharpe_net"] *= sqrt(SESSIONS_PER_YEAR)
    frame["n_trades"] = frame["n_trades"].astype("int64")
    return pd.concat([sets[["fast", "slow", "hold"]].reset_index(drop=True), frame], axis=1)


@numba.njit(cache=True)
def _keep_books(
    opened: Floats, close: Floats, total: Floats, spans: NDArray[np.int64], rate: float
) -> Floats:
    """Return the figures of every set, the Sharpe per session; `total` sums closes from 0."""
    figures = np.empty((spans.shape[0], 5))
    is_long = np.zeros(close.size, dtype=np.bool_)
    per_usd = 1.0 / opened
    for i in range(spans.shape[0]):
        fast, slow, hold = spans[i]
        _signal(total, fast, slow, is_long)
        figures[i] = _keep_book(per_usd, close, is_long, hold, rate)
    return figures


@numba.njit(cache=True)
def _signal(total: Floats, fast: int, slow: int, is_long: NDArray[np.bool_]) -> None:
    """Write whether the fast mean of closes is above the slow one at each close."""
    first = max(fast, slow) - 1
    is_long[:first] = False
    per_fast, per_slow = 1.0 / fast, 1.0 / slow
    for t in range(first, is_long.size):
        now = total[t + 1]
        is_long[t] = (now - total[t + 1 - fast]) * per_fast > (now - total[t + 1 - slow]) * per_slow


@numba.njit(cache=True)
def _keep_book(
    per_usd: Floats, close: Floats, is_long: NDArray[np.bool_], hold: int, rate: float
) -> tuple[float, float, float, float, float]:
    """Return net return, costs, Sharpe per session, drawdown and trades of one book.

    Capital is 1. `per_usd` are the shares a dollar buys at each open, `rate` the cost of a dollar
    traded.
    """
    n = close.size
    stake = 1.0 / hold
    units, equity, peak, worst, paid = 0.0, 1.0, 1.0, 0.0, 0.0
    squares = 0.0
    n_open = n_trades = 0
    first = last = -1
    for t in range(1, n):
        gain = units * (close[t] - close[t - 1])
        cost = 0.0
        if is_long[t - 1]:
            bought = stake * per_usd[t]
            gain += bought * close[t] - stake
            cost += rate * stake
            units += bought
            n_open += 1
            n_trades += 1
            if first < 0:
                first = t
        if t == n - 1:
            if n_open:
                # What is still held is valued at the last close.
                cost += rate * units * close[t]
                last = t
        elif t >= hold and is_long[t - hold]:
            sold = stake * per_usd[t - hold + 1]
            cost += rate * sold * close[t]
            units -= sold
            n_open -= 1
            last = t
            if n_open == 0:
                # Nothing is open, so what is left is rounding.
                units = 0.0
        earned = gain - cost
        squares += earned * earned
        paid += cost
        equity += earned
        if equity > peak:
            peak = equity
        elif equity < peak * (1.0 + worst):
            # A division a bar would double the time of the whole grid.
            worst = equity / peak - 1.0
    if n_trades == 0:
        return np.nan, np.nan, np.nan, np.nan, 0.0
    sharpe = np.nan
    net, count = equity - 1.0, last - first + 1
    if count > 2:
        variance = (squares - net * net / count) / (count - 1)
        if variance > 1e-24:
            sharpe = net / count / np.sqrt(variance)
    return net, paid, sharpe, worst, float(n_trades)
