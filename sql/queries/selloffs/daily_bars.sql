-- Daily bars of the symbols that have minutes, as the levels of falls read them.
--
-- grain   one row per symbol and session
-- reads   bars.daily, bars.minute
-- params  none
-- units   prices USD as delivered; times adj_factor they are comparable; volume shares

select symbol, session, high, low, close, volume, adj_factor, has_vendor_seam, known_at
from bars.daily
semi join bars.minute using (symbol)
order by symbol, session;
