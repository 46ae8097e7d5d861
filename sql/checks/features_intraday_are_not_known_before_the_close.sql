-- Intraday features known before their bar closes, or of a bar that is no bar.
--
-- asset   features.intraday
-- grain   one row per offending row
-- reads   features.intraday

select interval_minutes, symbol, opens_at, closes_at, known_at
from features.intraday
where
    known_at < closes_at
    or closes_at <= opens_at
    or date_diff('minute', opens_at, closes_at) > interval_minutes
order by interval_minutes, symbol, opens_at;
