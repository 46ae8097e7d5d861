-- VIX sessions that stand more than once.
--
-- asset   bars.vix
-- grain   one row per repeated (session_date)
-- reads   bars.vix

select session_date, count(*) as n_rows
from bars.vix
group by all
having count(*) > 1
order by session_date;
