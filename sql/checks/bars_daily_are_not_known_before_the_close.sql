-- Daily bars known before half past noon of their own session: no session closes that early.
--
-- asset   bars.daily
-- grain   one row per offending bar
-- reads   bars.daily
-- note    a half-day closes at 13:00 New York

select symbol, session_date, known_at
from bars.daily
where timezone('America/New_York', known_at) < session_date + interval '12 hours 30 minutes'
order by symbol, session_date;
