"""What an order costs: half-spread, slippage, market impact, commission, and the borrow fee."""

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.grid import Floats

BPS = 1e-4
SESSIONS_PER_YEAR = 252


def participation(shares: Floats, volume: Floats, config: BacktestConfig) -> Floats:
    """Return the share of the bar's volume an order takes, in [0, 1].

    Where volume is missing nobody can tell, so the largest share an order may take is assumed:
    the estimate errs on the costly side.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        taken = np.minimum(shares / volume, 1.0)
    return np.where(np.isnan(volume), config.max_volume_frac, taken)


def order_cost_usd(
    shares: Floats,
    price: Floats,
    volume: Floats,
    is_raw: NDArray[np.bool_],
    config: BacktestConfig,
) -> Floats:
    """Return the cost of each order in USD, zero or more.

    Spread, slippage and impact are basis points of the notional; impact grows with the square
    root of the order's share of volume (Almgren et al., *Direct Estimation of Equity Market
    Impact*, 2005; Grinold and Kahn's square-root law). Commission is per share with a minimum
    where the price is the traded one. An adjusted price has no true share count, so there
    commission is basis points too.
    """
    notional = shares * price
    impact = config.impact_bps * np.sqrt(participation(shares, volume, config))
    spread_usd = notional * (config.half_spread_bps + config.slippage_bps + impact) * BPS
    per_share = np.maximum(config.commission_per_share_usd * shares, config.commission_min_usd)
    return spread_usd + np.where(is_raw, per_share, notional * config.commission_bps * BPS)


def borrow_usd_per_session(
    notional: Floats, is_short: NDArray[np.bool_], config: BacktestConfig
) -> Floats:
    """Return the borrow fee of one session held, on the notional at entry; zero for longs."""
    rate = config.borrow_bps_per_year * BPS / SESSIONS_PER_YEAR
    return np.where(is_short, notional * rate, 0.0)
