-- A book whose trades and whose equity disagree on what was earned, or on what it cost.
--
-- asset   backtest.equity
-- grain   one row if they disagree
-- reads   backtest.trades, backtest.equity
-- note    the equity starts in the session before the first entry, so its first value is the capital

with
    traded as (
        select coalesce(sum(net_pnl_usd), 0) as profit_usd, coalesce(sum(cost_usd), 0) as cost_usd
        from backtest.trades
    ),

    held as (
        select
            arg_max(equity_usd, session_date) - arg_min(equity_usd, session_date) as profit_usd,
            arg_min(equity_usd, session_date) as capital_usd,
            sum(cost_usd) as cost_usd
        from backtest.equity
        having count(*) > 0
    )

select
    traded.profit_usd as profit_of_trades_usd,
    held.profit_usd as profit_of_equity_usd,
    traded.cost_usd as cost_of_trades_usd,
    held.cost_usd as cost_of_equity_usd
from traded
left join held on true
where abs(traded.profit_usd - coalesce(held.profit_usd, 0)) > 1e-9 * coalesce(capital_usd, 1)
    or abs(traded.cost_usd - coalesce(held.cost_usd, 0)) > 1e-9 * coalesce(capital_usd, 1);
