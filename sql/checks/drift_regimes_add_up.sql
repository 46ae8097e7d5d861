-- Regimes whose shares cannot be, do not add up, or are called drifted without being beyond.
--
-- asset   drift.regimes
-- grain   one row per offending (model_version, regime)
-- reads   drift.regimes
-- note    sessions of an unknown regime leave the sum below one

with
    added as (
        select
            *,
            sum(share_live) over (partition by model_version) as all_live,
            count(*) over (partition by model_version, regime) as n_named
        from drift.regimes
    )

select model_version, regime, share_trained, share_live, threshold, is_drifted
from added
where share_trained not between 0 and 1
    or share_live not between 0 and 1
    or all_live > 1 + 1e-9
    or is_drifted <> coalesce(share_live > threshold, false)
    or n_named > 1
order by model_version, regime;
