-- Sessions with a regime that stand more than once.
--
-- asset   regimes.market
-- grain   one row per repeated (session_date)
-- reads   regimes.market

select session_date, count(*) as n_rows
from regimes.market
group by all
having count(*) > 1
order by session_date;
