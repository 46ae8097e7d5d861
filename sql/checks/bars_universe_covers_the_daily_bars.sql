-- Symbols with daily bars the universe does not know, or dates it does not span.
--
-- asset   bars.universe
-- grain   one row per offending symbol
-- reads   bars.daily, bars.universe

with
    traded as (
        select symbol, min(session_date) as first_bar, max(session_date) as last_bar
        from bars.daily
        group by symbol
    )

select symbol, first_bar, last_bar, first_date, last_date, kind
from traded
left join bars.universe using (symbol)
where
    kind is null
    or kind not in ('equity', 'etf', 'index')
    or first_bar < first_date
    or last_bar > last_date
order by symbol;
