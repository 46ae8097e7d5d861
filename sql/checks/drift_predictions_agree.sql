-- Sessions whose scores, limits, runs and flags contradict each other.
--
-- asset   drift.predictions
-- grain   one row per offending (model_version, session)
-- reads   drift.predictions
-- note    not assessable is never beyond

with
    in_order as (
        select
            *,
            lag(n_spread, 1, 0) over (partition by model_version order by session) as spread_before,
            lag(n_worse, 1, 0) over (partition by model_version order by session) as worse_before,
            count(*) over (partition by model_version, session) as n_named
        from drift.predictions
    )

select model_version, session, psi, threshold, is_spread, n_spread, auc_high, is_worse, n_worse
from in_order
where psi < 0
    or n_rows < 1
    or (is_spread and not coalesce(psi > threshold, false))
    or is_worse <> coalesce(auc_high < 0.5, false)
    or auc not between auc_low and auc_high
    or hit_rate not between 0 and 1
    or (auc is null) <> (hit_rate is null)
    or n_spread <> if(is_spread, spread_before + 1, 0)
    or n_worse <> if(is_worse, worse_before + 1, 0)
    or n_named > 1
order by model_version, session;
