"""The trade of a fall as numbers: stop, target and shares, the same for history and live."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.selloffs_config import TradeRuleConfig
from trading_pipeline.domain.selloffs import trade_kernels as k


@dataclass(frozen=True, slots=True)
class TradePlan:
    """Where a trade would be left, and how large it would be.

    `shares` is 0 where there is no trade: the entry is at or above the target, or no whole share
    fits. `risk_usd` is what the shares lose at the stop, before costs.
    """

    entry_price: float
    stop_price: float
    target_price: float
    shares: float
    risk_usd: float


def rule_numbers(config: TradeRuleConfig) -> NDArray[np.float64]:
    """Return the trade rule as the kernels take it."""
    rule = np.empty(k.N_RULE)
    rule[k.BELOW_LOW] = config.stop_below_low_frac
    rule[k.RUNG_SHARE] = config.stop_rung_share
    rule[k.TARGET_SHARE] = config.target_share
    rule[k.LAST_ENTRY] = config.last_entry_minutes
    rule[k.RISK_USD] = config.capital_usd * config.risk_frac
    rule[k.POSITION_USD] = config.capital_usd * config.max_position_frac
    rule[k.PER_SHARE] = config.commission_per_share_usd
    rule[k.MINIMUM] = config.commission_min_usd
    rule[k.SLIPPAGE] = config.slippage_bps
    rule[k.IMPACT] = config.impact_bps
    rule[k.VOLUME_FRAC] = config.max_volume_frac
    return rule


def plan_trade(
    entry: float,
    low: float,
    session_open: float,
    rung: float,
    config: TradeRuleConfig,
    *,
    volume: float = float("nan"),
    risk_tier: float = 1.0,
) -> TradePlan:
    """Return stop, target and whole shares of a fall entered at `entry`.

    Args:
        entry: [USD] Price of the entry; live, the close at detection stands for it.
        low: [USD] Session low at detection.
        session_open: [USD] First regular price.
        rung: [fraction] Depth of the rung.
        config: Trade rule.
        volume: [shares] Of the entry bar; NaN where unknown, then it does not bind.
        risk_tier: [risk units] The share of one unit that is risked.
    """
    rule = rule_numbers(config)
    rule[k.RISK_USD] *= risk_tier
    stop = k.stop_price(low, entry, rung, config.stop_below_low_frac, config.stop_rung_share)
    target = k.target_price(low, session_open, config.target_share)
    shares = k.share_count(entry, stop, volume, rule) if entry < target else 0.0
    return TradePlan(entry, stop, target, shares, shares * (entry - stop))
