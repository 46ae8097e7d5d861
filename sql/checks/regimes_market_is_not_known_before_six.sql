-- Regimes usable before 18:00 New York of their own session.
--
-- asset   regimes.market
-- grain   one row per offending session
-- reads   regimes.market

select session_date, known_at
from regimes.market
where timezone('America/New_York', known_at) < session_date + interval '18 hours'
order by session_date;
