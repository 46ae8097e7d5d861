-- Trades whose own figures contradict each other.
--
-- asset   backtest.trades
-- grain   one row per offending trade
-- reads   backtest.trades
-- note    to 1e-9 of the notional, the rounding of doubles

select cohort, symbol, side, quantity, notional_usd, gross_pnl_usd, cost_usd, net_pnl_usd
from backtest.trades
where abs(gross_pnl_usd - quantity * (exit_price - entry_price)) > 1e-9 * notional_usd
    or abs(net_pnl_usd - (gross_pnl_usd - cost_usd)) > 1e-9 * notional_usd
    or abs(notional_usd - abs(quantity) * entry_price) > 1e-9 * notional_usd
    or cost_usd < 0
    or side <> if(quantity > 0, 'long', 'short')
order by cohort, symbol;
