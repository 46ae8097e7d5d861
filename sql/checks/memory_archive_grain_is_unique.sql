-- Archived rows that stand more than once.
--
-- asset   memory.archive
-- grain   one row per repeated (symbol, session_date)
-- reads   memory.archive

select symbol, session_date, count(*) as n_rows
from memory.archive
group by all
having count(*) > 1
order by symbol, session_date;
