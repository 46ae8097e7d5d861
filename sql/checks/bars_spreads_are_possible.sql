-- Spreads no market can quote, or that do not say what they rest on.
--
-- asset   bars.spreads
-- grain   one row per offending (symbol, bucket_minute)
-- reads   bars.spreads

select symbol, bucket_minute, half_spread_bps, half_spread_high_bps, n_quotes, n_unusable, source
from bars.spreads
where
    not (half_spread_bps > 0 and isfinite(half_spread_bps))
    or half_spread_high_bps < half_spread_bps
    or bucket_minute < 0
    or bucket_minutes <= 0
    or bucket_minute % bucket_minutes <> 0
    or n_quotes < 0
    or n_unusable < 0
    or source not in ('quotes', 'model')
    or (source = 'quotes' and (n_quotes = 0 or half_spread_high_bps is null))
    or (source = 'model' and half_spread_high_bps is not null)
order by symbol, bucket_minute;
