-- Spreads that stand more than once.
--
-- asset   bars.spreads
-- grain   one row per repeated (symbol, bucket_minute)
-- reads   bars.spreads

select symbol, bucket_minute, count(*) as n_rows
from bars.spreads
group by all
having count(*) > 1
order by symbol, bucket_minute;
