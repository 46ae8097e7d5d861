-- Labels that stand more than once.
--
-- asset   labels.direction
-- grain   one row per repeated (symbol, session_date)
-- reads   labels.direction

select symbol, session_date, count(*) as n_rows
from labels.direction
group by all
having count(*) > 1
order by symbol, session_date;
