-- Scores that cannot be: out of range, outside their interval, told twice, or of one learner alone.
--
-- asset   selloffs.metrics
-- grain   one row per offending (learner, span, regime)
-- reads   selloffs.metrics

with
    counted as (
        select
            *,
            count(*) over (partition by learner, span, regime) as n_told,
            count(*) over (partition by span, regime) as n_learners,
            max(n_events) over (partition by span) as n_whole
        from selloffs.metrics
    )

select learner, span, regime, n_events, n_sessions, auc, accuracy, ece
from counted
where n_told > 1
    or n_learners <> 3
    or learner not in ('model', 'trivial', 'majority')
    or span not in ('oof', 'holdout')
    or (regime = 'all' and n_events <> n_whole)
    or n_sessions not between 1 and n_events
    or n_study < n_events
    or base_rate not between 0 and 1
    or auc not between 0 and 1
    or accuracy not between 0 and 1
    or ece not between 0 and 1
    or auc_low > auc
    or auc_high < auc
    or accuracy_low > accuracy
    or accuracy_high < accuracy
order by learner, span, regime;
