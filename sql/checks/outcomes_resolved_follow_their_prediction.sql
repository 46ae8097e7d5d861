-- Outcomes without their prediction, of another one, told before their span closed, or told twice.
--
-- asset   outcomes.resolved
-- grain   one row per offending outcome
-- reads   outcomes.resolved, predictions.live, bars.daily
-- note    a half-day closes at 13:00 New York

with
    counted as (
        select *, count(*) over (partition by prediction_id) as n_told
        from outcomes.resolved
    )

select outcome.prediction_id, outcome.end_session, outcome.end_date, outcome.known_at
from counted as outcome
left join predictions.live as said using (prediction_id)
where said.prediction_id is null
    or said.probability <> outcome.probability
    or outcome.n_told > 1
    or outcome.end_session <> said.session + said.horizon_sessions
    or outcome.end_session > (select max(session) from bars.daily)
    or timezone('America/New_York', outcome.known_at)
        < outcome.end_date + interval '12 hours 30 minutes'
order by outcome.prediction_id;
