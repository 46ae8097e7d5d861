-- News items that stand more than once.
--
-- asset   bars.news
-- grain   one row per repeated (vendor, news_id, symbol)
-- reads   bars.news

select vendor, news_id, symbol, count(*) as n_rows
from bars.news
group by all
having count(*) > 1
order by vendor, news_id, symbol;
