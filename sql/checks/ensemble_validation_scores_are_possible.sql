-- Scores that cannot be, an interval that does not hold its score, or events the data do not have.
--
-- asset   ensemble.validation
-- grain   one row per offending (learner, regime)
-- reads   ensemble.validation, memory.rare_events
-- params  $min_horizons  integer   fewest independent horizons of a score

select learner, regime, source, events, n_rows, n_sessions, n_horizons, is_assessable, auc
from ensemble.validation
where auc not between 0 and 1
    or accuracy not between 0 and 1
    or ece not between 0 and 1
    or (auc_low is null) <> (auc_high is null)
    or auc not between coalesce(auc_low, auc) and coalesce(auc_high, auc)
    or accuracy not between coalesce(accuracy_low, accuracy) and coalesce(accuracy_high, accuracy)
    or ece not between coalesce(ece_low, ece) and coalesce(ece_high, ece)
    or calibration_slope not between coalesce(calibration_slope_low, calibration_slope)
        and coalesce(calibration_slope_high, calibration_slope)
    or n_sessions > n_rows
    or is_assessable <> (n_horizons >= $min_horizons)
    or (source = 'window') <> (events = '') and n_rows > 0
    or exists (
        select 1 from unnest(string_split(events, ', ')) as named(event)
        where named.event <> ''
            and not exists (
                select 1 from memory.rare_events as known
                where known.event = named.event and known.regime = validation.regime
            )
    )
order by learner, regime;
