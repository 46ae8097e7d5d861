-- Errors that would return twice to one block, or places given twice.
--
-- asset   memory.replay
-- grain   one row per repeated (block, symbol, session_date) or (block, place)
-- reads   memory.replay

select block, symbol, session_date, null as place, count(*) as n_rows
from memory.replay
group by block, symbol, session_date
having count(*) > 1
union all
select block, null, null, place, count(*)
from memory.replay
group by block, place
having count(*) > 1
order by all;
