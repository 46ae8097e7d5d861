"""How a cohort's stake is shared among the names of each side: equal, by risk, by edge.

Every rule sees closes up to the decision only, keeps each side's stake or leaves part of it in
cash, and gives no name more than a multiple of the equal share.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.grid import Floats, price_grid

# Returns of fewer sessions say little about how much a name moves.
FEWEST_RETURNS = 20


def size_orders(orders: pd.DataFrame, bars: pd.DataFrame, config: BacktestConfig) -> pd.DataFrame:
    """Return the orders of choose_orders with `target_usd` shared as `config.sizing` says.

    `bars` are rows of bars.daily. A side with a name that lacks history keeps the equal shares;
    an order sized to nothing is left out. Shares follow the last `sizing_sessions` returns up to
    the decision:

    - `equal`: as chosen.
    - `volatility`: inverse to the standard deviation.
    - `kelly`: `kelly_frac` times edge over variance of a bet that wins or loses one standard
      deviation over the holding period with the prediction's probability (Kelly, *A New
      Interpretation of Information Rate*, 1956); what the side's stake does not need stays cash.
    - `mean_risk`: the long-only portfolio of least variance (Markowitz, *Portfolio Selection*,
      1952), by skfolio; shorts are sold in the proportions that would move least.
    """
    if config.sizing == "equal" or orders.empty:
        return orders
    grid = price_grid(bars, pd.Index(orders["symbol"]))
    marks = grid.close * grid.factor
    with np.errstate(invalid="ignore"):
        returns = np.vstack([np.full((1, marks.shape[1]), np.nan), marks[1:] / marks[:-1] - 1])
    returns[grid.has_seam] = np.nan
    row = np.searchsorted(grid.sessions, orders["session"].to_numpy("int64"), side="right")
    column = grid.symbols.get_indexer(pd.Index(orders["symbol"]))
    target = orders["target_usd"].to_numpy("float64").copy()
    chance = orders["probability"].to_numpy("float64")
    share = SHARES[config.sizing]
    sides = orders.groupby(["session", target > 0], sort=False).indices
    for places in sides.values():
        end = row[places[0]]
        seen = returns[max(end - config.sizing_sessions, 0) : end][:, column[places]]
        seen = seen[np.isfinite(seen).all(axis=1)]
        if len(seen) < FEWEST_RETURNS or (seen.std(axis=0) <= 1e-12).any():
            continue
        side = np.sign(target[places])
        own = np.where(side > 0, chance[places], 1 - chance[places])
        shares = share(seen, own, config)
        target[places] = side * np.abs(target[places]).sum() * shares
    sized: pd.DataFrame = orders.assign(target_usd=target)[target != 0]
    return sized.reset_index(drop=True)


def capped(shares: Floats, config: BacktestConfig) -> Floats:
    """Return shares of at most one in sum, none above `max_name_multiple` equal shares.

    What a name may not take goes to the others in their proportions; what fits nowhere is cash.
    """
    limit = min(config.max_name_multiple / shares.size, 1.0)
    total = min(float(shares.sum()), 1.0)
    found = shares * (total / shares.sum()) if shares.sum() > 0 else shares
    for _ in range(shares.size):
        is_full = found >= limit - 1e-15
        found = np.where(is_full, limit, found)
        room, open_shares = total - float(found.sum()), np.where(is_full, 0.0, found)
        if not found.any() or room <= 1e-15 or not open_shares.any():
            break
        found = found + open_shares * (room / open_shares.sum())
    return np.minimum(found, limit)


def _by_volatility(returns: Floats, _chance: Floats, config: BacktestConfig) -> Floats:
    inverse = 1 / returns.std(axis=0, ddof=1)
    return capped(inverse / inverse.sum(), config)


def _by_kelly(returns: Floats, chance: Floats, config: BacktestConfig) -> Floats:
    move = returns.std(axis=0, ddof=1) * np.sqrt(config.hold_sessions)
    edge = np.maximum(2 * chance - 1, 0.0)
    # Edge times move is the mean of the bet, the square of the move its variance.
    return capped(config.kelly_frac * edge / move, config)


def _by_mean_risk(returns: Floats, _chance: Floats, config: BacktestConfig) -> Floats:
    if returns.shape[1] == 1:
        return np.ones(1)
    from skfolio.optimization import MeanRisk

    limit = min(config.max_name_multiple / returns.shape[1], 1.0)
    weights = MeanRisk(max_weights=limit).fit(returns).weights_
    # The solver leaves dust, which is no order.
    kept = np.where(weights > 1e-6, weights, 0.0)
    return capped(kept / kept.sum(), config)


SHARES: dict[str, Callable[[Floats, Floats, BacktestConfig], Floats]] = {
    "volatility": _by_volatility,
    "kelly": _by_kelly,
    "mean_risk": _by_mean_risk,
}
