-- Symbols that stand more than once.
--
-- asset   bars.universe
-- grain   one row per repeated (symbol)
-- reads   bars.universe

select symbol, count(*) as n_rows
from bars.universe
group by all
having count(*) > 1
order by symbol;
