-- Labels known before the last bar of their span.
--
-- asset   labels.direction
-- grain   one row per offending label
-- reads   labels.direction
-- note    a half-day closes at 13:00 New York

select symbol, session_date, end_date, known_at
from labels.direction
where timezone('America/New_York', known_at) < end_date + interval '12 hours 30 minutes'
order by symbol, session_date;
