-- Predictions whose span has closed inside the data and which have no outcome yet.
--
-- grain   one row per prediction
-- reads   predictions.live, outcomes.resolved, bars.daily

select predictions.*
from predictions.live as predictions
anti join outcomes.resolved as resolved using (prediction_id)
where predictions.session + predictions.horizon_sessions
    <= (select max(session) from bars.daily)
order by predictions.session, predictions.prediction_id;
