-- Predictions that cannot be, or that rest on what was not known at the decision.
--
-- asset   predictions.live
-- grain   one row per offending prediction
-- reads   predictions.live
-- note    the decision falls at 18:00 New York of its session

select prediction_id, role, probability, known_at, predicted_at, reasons
from predictions.live
where role not in ('champion', 'shadow')
    or probability not between 0 and 1
    or known_at > predicted_at
    or timezone('America/New_York', predicted_at) <> session_date + interval 18 hour
    or not json_valid(reasons)
    or prediction_id
        <> concat_ws(':', role, model_version, symbol, strftime(session_date, '%Y-%m-%d'))
order by prediction_id;
