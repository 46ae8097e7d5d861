-- Daily bars that stand more than once.
--
-- asset   bars.daily
-- grain   one row per repeated (symbol, session_date)
-- reads   bars.daily

select symbol, session_date, count(*) as n_rows
from bars.daily
group by all
having count(*) > 1
order by symbol, session_date;
