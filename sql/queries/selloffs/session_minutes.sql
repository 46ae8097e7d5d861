-- Minute bars of one session, in the order in which they came to be known.
--
-- grain   one row per symbol and minute
-- reads   bars.minute
-- params  $session_date  date
-- units   prices USD, volume shares, instants UTC

select
    symbol, session_date, opens_at, closes_at, open, high, low, close, volume, is_regular,
    vendor, known_at
from bars.minute
where session_date = $session_date
order by closes_at, symbol;
