-- A hold-out whose counts are not those of the labels inside it.
--
-- asset   splits.holdout
-- grain   one row per offending protocol
-- reads   splits.holdout, labels.direction

with
    inside as (
        select
            protocol_id,
            count(direction.symbol) as n_labels,
            count(distinct direction.session_date) as n_dates
        from splits.holdout as holdout
        left join labels.direction as direction
            on direction.session_date between holdout.holdout_start and holdout.holdout_end
            and direction.is_closed
            and direction.label is not null
        group by protocol_id
    )

select protocol_id, holdout_start, holdout_end, n_rows, n_labels, n_sessions, n_dates
from splits.holdout
join inside using (protocol_id)
where holdout_end < holdout_start or n_rows <> n_labels or n_sessions <> n_dates
order by protocol_id;
