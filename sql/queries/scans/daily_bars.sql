-- Daily bars before a session, as the filter of a scan and its market conditions read them.
--
-- grain   one row per symbol and session
-- reads   bars.daily
-- params  $before_date  date  first session left out
-- units   prices USD as delivered, volume shares, instants UTC

select
    symbol, session, open, high, low, close, volume, vwap, adj_factor, prices, has_vendor_seam,
    known_at
from bars.daily
where session_date < $before_date
order by symbol, session;
