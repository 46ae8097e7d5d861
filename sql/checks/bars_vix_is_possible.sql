-- VIX values that are no positive number, or known before 16:15 New York.
--
-- asset   bars.vix
-- grain   one row per offending session
-- reads   bars.vix

select session_date, close, known_at
from bars.vix
where
    not (close > 0 and isfinite(close))
    or timezone('America/New_York', known_at) < session_date + interval '16 hours 15 minutes'
order by session_date;
