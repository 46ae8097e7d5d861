-- Falls as the trade rule takes them.
--
-- grain   one row per event
-- reads   selloffs.events, selloffs.features
-- params  $first_date, $last_date  date  both included
-- units   prices USD raw; spread_level_bps in bps, known before the session

select
    event.symbol,
    event.session_date,
    event.rung,
    event.detected_at,
    event.session_open,
    event.low,
    event.quality,
    feature.spread_level_bps
from selloffs.events as event
join selloffs.features as feature using (symbol, session_date, rung)
where event.session_date between $first_date and $last_date
order by event.detected_at, event.symbol, event.rung;
