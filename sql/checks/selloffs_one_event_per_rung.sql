-- Falls recorded twice for one symbol, session and rung.
--
-- asset   selloffs.events
-- grain   one row per offending (symbol, session_date, rung)
-- reads   selloffs.events

select symbol, session_date, rung, count(*) as n_events
from selloffs.events
group by symbol, session_date, rung
having count(*) > 1
order by symbol, session_date, rung;
