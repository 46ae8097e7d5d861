-- Fold rows whose label is missing, still open, or touches the hold-out.
--
-- asset   splits.folds
-- grain   one row per offending (fold, symbol, session_date)
-- reads   splits.folds, splits.holdout, labels.direction

with
    held_out as (
        select holdout.protocol_id, min(direction.session) as opens
        from labels.direction as direction
        join splits.holdout as holdout on direction.session_date >= holdout.holdout_start
        group by holdout.protocol_id
    )

select
    folds.fold, folds.role, folds.symbol, folds.session_date, direction.is_closed,
    direction.label, direction.end_session, held_out.opens
from splits.folds as folds
left join labels.direction as direction using (symbol, session_date)
left join held_out using (protocol_id)
where
    direction.symbol is null
    or not direction.is_closed
    or direction.label is null
    or direction.end_session >= held_out.opens
order by folds.fold, folds.symbol, folds.session_date;
