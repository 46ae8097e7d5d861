-- Versions of a schedule that stand more than once.
--
-- asset   bars.calendar_events
-- grain   one row per repeated (event_id, kind, symbol, known_at)
-- reads   bars.calendar_events

select event_id, kind, symbol, known_at, count(*) as n_rows
from bars.calendar_events
group by all
having count(*) > 1
order by event_id, kind, symbol, known_at;
