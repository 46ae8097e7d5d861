-- Volume breaks that stand more than once.
--
-- asset   bars.volume_breaks
-- grain   one row per repeated (symbol, session_date)
-- reads   bars.volume_breaks

select symbol, session_date, count(*) as n_rows
from bars.volume_breaks
group by all
having count(*) > 1
order by symbol, session_date;
