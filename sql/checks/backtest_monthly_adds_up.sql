-- Months that are told twice, or whose figures differ from the book's.
--
-- asset   backtest.monthly
-- grain   one row per offending month
-- reads   backtest.monthly, backtest.equity
-- note    to 1e-9 of the capital; the book's first row is the quiet session before it begins

with
    book as (
        select
            date_trunc('month', session_date)::date as month_date,
            sum(return_frac) as net_frac,
            count(*) as n_sessions
        from backtest.equity
        where session_date > (select min(session_date) from backtest.equity)
        group by all
    ),

    told as (
        select
            month_date,
            count(*) as n_rows,
            sum(net_return_frac) as net_frac,
            sum(gross_return_frac - cost_frac) as gross_less_cost_frac,
            sum(n_sessions) as n_sessions
        from backtest.monthly
        group by month_date
    )

select month_date, told.net_frac, book.net_frac as net_of_equity_frac
from told
full join book using (month_date)
where n_rows is distinct from 1
    or told.n_sessions is distinct from book.n_sessions
    or not coalesce(abs(told.net_frac - book.net_frac) <= 1e-9, false)
    or abs(gross_less_cost_frac - told.net_frac) > 1e-9
order by month_date;
