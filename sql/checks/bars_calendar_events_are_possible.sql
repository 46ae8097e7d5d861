-- Scheduled events of an unknown kind, or on the wrong side of symbol and market.
--
-- asset   bars.calendar_events
-- grain   one row per offending version
-- reads   bars.calendar_events

select event_id, kind, symbol, scheduled_at, known_at
from bars.calendar_events
where
    kind not in ('fomc', 'cpi', 'earnings')
    or (kind = 'earnings') <> (symbol is not null)
order by event_id, kind, known_at;
