-- Multiples at which return and costs do not add up to what was earned before costs.
--
-- asset   backtest.sensitivity
-- grain   one row per offending multiple
-- reads   backtest.sensitivity, backtest.equity
-- note    to 1e-9 of the capital, the rounding of doubles

with
    book as (
        select
            sum(return_frac) as net_frac,
            sum(cost_usd) / arg_min(equity_usd, session_date) as cost_frac
        from backtest.equity
    )

select cost_multiple, any_value(net_return_frac) as net_return_frac, count(*) as n_rows
from backtest.sensitivity
cross join book
group by cost_multiple
having count(*) > 1
    or bool_or(abs(sensitivity.cost_frac - cost_multiple * book.cost_frac) > 1e-9)
    or bool_or(
        abs(net_return_frac + sensitivity.cost_frac - book.net_frac - book.cost_frac) > 1e-9
    )
    or bool_or(sharpe_low > sharpe_net or sharpe_high < sharpe_net)
order by cost_multiple;
