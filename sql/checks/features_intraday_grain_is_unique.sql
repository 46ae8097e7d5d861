-- Rows of intraday features that stand more than once.
--
-- asset   features.intraday
-- grain   one row per repeated (interval_minutes, symbol, opens_at)
-- reads   features.intraday

select interval_minutes, symbol, opens_at, count(*) as n_rows
from features.intraday
group by all
having count(*) > 1
order by interval_minutes, symbol, opens_at;
