-- Bars without features, and features without a bar.
--
-- asset   features.intraday
-- grain   one row per interval, symbol and session whose counts differ
-- reads   features.intraday, bars.intraday

with
    bars as (
        select interval_minutes, symbol, session_date, count(*) as n_bars
        from bars.intraday
        group by all
    ),

    features as (
        select interval_minutes, symbol, session_date, count(*) as n_features
        from features.intraday
        group by all
    )

select interval_minutes, symbol, session_date, n_bars, n_features
from bars
full join features using (interval_minutes, symbol, session_date)
where n_bars is distinct from n_features
order by interval_minutes, symbol, session_date;
