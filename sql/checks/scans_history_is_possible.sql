-- Scans whose figures, words or settings cannot be.
--
-- asset   scans.history
-- grain   one row per offending (scan_id)
-- reads   scans.history

select *
from scans.history
where
    mode not in ('live', 'replay', 'historical')
    or total_seconds < 0
    or max_symbols < 1
    or min_tech_rating not between 0 and 100
    or min_dollar_volume < 0
    or lookback_days < 1
    or not json_valid(sectors_json)
    or not json_valid(industries_json)
    or n_symbols not between 0 and max_symbols
    or n_events < 0
    or n_withheld not between 0 and n_events
    or n_signals not between 0 and n_events - n_withheld
    or spy_trend not in ('up', 'neutral', 'down')
    or annualised_volatility < 0
    or momentum not between -1 and 1
    or vix <= 0
    or return_5d <= -1
    or return_20d <= -1
    or isnan(annualised_volatility)
    or isnan(momentum)
    or isnan(return_5d)
    or isnan(return_20d)
    or isnan(vix)
order by scan_id;
