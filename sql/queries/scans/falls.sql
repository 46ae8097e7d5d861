-- Falls of some sessions with the risk tier of the model that had not seen them.
--
-- grain   one row per symbol, session and rung
-- reads   selloffs.events, selloffs.scores
-- params  $first_date, $last_date  date  both included
-- units   risk_tier in risk units; missing where nothing was said out of sample

select
    events.symbol, events.session_date, events.rung, events.is_first, events.quality,
    scores.risk_tier
from selloffs.events as events
left join selloffs.scores as scores
    on events.symbol = scores.symbol
    and events.session_date = scores.session_date
    and events.rung = scores.rung
where events.session_date between $first_date and $last_date
order by events.session_date, events.symbol, events.rung;
