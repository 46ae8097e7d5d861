-- Minute bars that stand more than once.
--
-- asset   bars.minute
-- grain   one row per repeated (symbol, opens_at)
-- reads   bars.minute

select symbol, opens_at, count(*) as n_rows
from bars.minute
group by all
having count(*) > 1
order by symbol, opens_at;
