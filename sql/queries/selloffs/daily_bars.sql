-- Daily bars of the symbols that have minutes, as the levels of falls read them.
--
-- grain   one row per symbol and session
-- reads   bars.daily, bars.minute
-- params  none
-- units   prices USD as delivered; times adj_factor they are comparable; traded_usd USD, missing
--         without volume

select
    symbol,
    session,
    high,
    low,
    close,
    adj_factor,
    has_vendor_seam,
    known_at,
    -- Both adjusted for the same splits: dollars are as traded.
    case when volume > 0 then close * volume end as traded_usd
from bars.daily
semi join bars.minute using (symbol)
order by symbol, session;
