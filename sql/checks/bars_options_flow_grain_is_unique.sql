-- Options flows that stand more than once.
--
-- asset   bars.options_flow
-- grain   one row per repeated (symbol, session_date, known_at)
-- reads   bars.options_flow

select symbol, session_date, known_at, count(*) as n_rows
from bars.options_flow
group by all
having count(*) > 1
order by symbol, session_date, known_at;
