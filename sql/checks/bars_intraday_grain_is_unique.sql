-- Intraday bars that stand more than once.
--
-- asset   bars.intraday
-- grain   one row per repeated (interval_minutes, symbol, opens_at)
-- reads   bars.intraday

select interval_minutes, symbol, opens_at, count(*) as n_rows
from bars.intraday
group by all
having count(*) > 1
order by interval_minutes, symbol, opens_at;
