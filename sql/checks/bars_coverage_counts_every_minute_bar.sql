-- Symbols of which the coverage counts other minutes than there are bars.
--
-- asset   bars.coverage
-- grain   one row per offending symbol
-- reads   bars.minute, bars.coverage

with
    held as (
        select symbol, count(*) as n_bars
        from bars.minute
        group by symbol
    ),

    counted as (
        select symbol, sum(n_minutes + n_extended) as n_counted
        from bars.coverage
        group by symbol
    )

select symbol, n_bars, n_counted
from held
full join counted using (symbol)
where n_bars is distinct from n_counted
order by symbol;
