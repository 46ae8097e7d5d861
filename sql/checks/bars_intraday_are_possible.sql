-- Intraday bars no market can print, or known before they close.
--
-- asset   bars.intraday
-- grain   one row per offending bar
-- reads   bars.intraday

select symbol, interval_minutes, opens_at, closes_at, known_at, open, high, low, close, volume
from bars.intraday
where
    not (low > 0 and isfinite(high))
    or high < greatest(open, close) * (1 - 1e-9)
    or low > least(open, close) * (1 + 1e-9)
    or volume < 0
    or closes_at <= opens_at
    or known_at < closes_at
order by symbol, opens_at;
