-- Sessions whose sum is not that of the sessions before and their own, or that are told twice.
--
-- asset   selloffs.equity
-- grain   one row per offending (scanner, span, session_date)
-- reads   selloffs.equity
-- note    to 1e-9 of a risk unit, the rounding of doubles

with
    summed as (
        select
            *,
            sum(r_net) over (
                partition by scanner, span order by session_date, n_trades
                rows between unbounded preceding and current row
            ) as expected_r,
            count(*) over (partition by scanner, span, session_date) as n_told
        from selloffs.equity
    )

select scanner, span, session_date, r_net, equity_r, expected_r
from summed
where abs(equity_r - expected_r) > 1e-9
    or n_told > 1
    or n_trades < 0
    or (n_trades = 0 and r_net <> 0)
order by scanner, span, session_date;
