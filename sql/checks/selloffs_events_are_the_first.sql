-- Falls that an earlier regular minute had reached already, or that no minute bar shows.
--
-- asset   selloffs.events
-- grain   one row per offending event
-- reads   selloffs.events, bars.minute
-- note    written without the query's window functions, so the two must agree independently

select event.symbol, event.session_date, event.rung, event.detected_at
from selloffs.events as event
left join bars.minute as bar
    on bar.symbol = event.symbol
    and bar.session_date = event.session_date
    and bar.is_regular
    and bar.closes_at <= event.detected_at
    and bar.low <= event.session_open * (1 - event.rung)
group by event.symbol, event.session_date, event.rung, event.detected_at
having min(bar.closes_at) is distinct from event.detected_at
order by event.symbol, event.session_date, event.rung;
