-- Sessions counted more than once.
--
-- asset   bars.coverage
-- grain   one row per repeated (symbol, session_date)
-- reads   bars.coverage

select symbol, session_date, count(*) as n_rows
from bars.coverage
group by all
having count(*) > 1
order by symbol, session_date;
