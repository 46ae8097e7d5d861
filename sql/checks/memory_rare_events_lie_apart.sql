-- Rare events that overlap another, end before they begin, or carry no weight a share can be.
--
-- asset   memory.rare_events
-- grain   one row per offending pair of events
-- reads   memory.rare_events

select event.event, event.first_date, event.last_date, event.weight, other.event as event_beside
from memory.rare_events as event
left join memory.rare_events as other
    on other.event <> event.event
    and other.first_date <= event.last_date
    and other.last_date >= event.first_date
where
    other.event is not null
    or event.last_date < event.first_date
    or event.weight not between 0 and 1
order by event.event, event_beside;
