-- Falls whose quality is no known word, or whose bars until then cannot be counted so.
--
-- asset   selloffs.events
-- grain   one row per offending event
-- reads   selloffs.events

select symbol, session_date, rung, quality, n_missing_minutes
from selloffs.events
where quality not in ('clean', 'late_open', 'after_halt', 'lone_tick')
    or n_missing_minutes not between 0 and 389
    or (quality in ('late_open', 'after_halt') and n_missing_minutes = 0)
order by symbol, session_date, rung;
