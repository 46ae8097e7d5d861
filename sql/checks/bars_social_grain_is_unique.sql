-- Posts that stand more than once.
--
-- asset   bars.social
-- grain   one row per repeated (platform, post_id, symbol)
-- reads   bars.social

select platform, post_id, symbol, count(*) as n_rows
from bars.social
group by all
having count(*) > 1
order by platform, post_id, symbol;
