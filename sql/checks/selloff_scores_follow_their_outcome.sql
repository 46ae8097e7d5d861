-- Scores whose label or multiple is not that of a closed outcome of their fall, known by then.
--
-- asset   selloffs.scores
-- grain   one row per offending event
-- reads   selloffs.scores, selloffs.outcomes, selloffs.events

select score.symbol, score.session_date, score.rung, score.label, score.r_multiple
from selloffs.scores as score
left join selloffs.outcomes as outcome
    on outcome.symbol = score.symbol
    and outcome.session_date = score.session_date
    and outcome.rung = score.rung
    and outcome.status = 'closed'
    and outcome.reversed = (score.label = 1)
    and outcome.r_multiple = score.r_multiple
left join selloffs.events as event
    on event.symbol = score.symbol
    and event.session_date = score.session_date
    and event.rung = score.rung
    and event.quality = 'clean'
    and event.is_first = score.is_first
    and event.detected_at = score.detected_at
where outcome.symbol is null or event.symbol is null
order by score.symbol, score.session_date, score.rung;
