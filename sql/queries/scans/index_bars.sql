-- Daily bars of the broad index before a date, as the market conditions of a scan read them.
--
-- grain   one row per session
-- reads   bars.daily, bars.universe
-- params  $before_date  date  first session left out
-- units   prices USD as delivered, volume shares, instants UTC

select
    symbol, session, open, high, low, close, volume, vwap, adj_factor, prices, has_vendor_seam,
    known_at
from bars.daily
where
    session_date < $before_date
    and symbol in (select symbol from bars.universe where is_index)
order by session;
