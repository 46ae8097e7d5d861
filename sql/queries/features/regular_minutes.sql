-- Regular-session minutes of some sessions, as intraday features read them.
--
-- grain   one row per symbol and minute
-- reads   bars.minute
-- params  $first_date, $last_date  date  both included
-- units   prices USD raw, volume shares, instants UTC

select symbol, opens_at, open, high, low, close, volume
from bars.minute
where is_regular and session_date between $first_date and $last_date
order by symbol, opens_at;
