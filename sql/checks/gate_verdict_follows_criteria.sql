-- Verdicts that their own criteria contradict.
--
-- asset   gate.verdicts
-- grain   one row per offending (model_version, recipe_id, protocol_id)
-- reads   gate.verdicts
-- note    a regime's AUC may stay open: too few horizons are normal

with
    judged as (
        select
            model_version, recipe_id, protocol_id,
            min(verdict) as verdict,
            count(distinct verdict) as n_verdicts,
            count(*) - count(distinct position) as n_doubled,
            count(*) filter (where criterion = 'auc_and_sharpe') as n_pairs,
            count(*) filter (where not is_passed) as n_failed,
            count(*) filter (where is_passed is null and criterion in (
                'auc_and_sharpe', 'auc', 'auc_low', 'sharpe_net', 'champion', 'volatility_baseline',
                'ece', 'calibration_slope', 'latency_ms', 'model_mb'
            )) as n_open
        from gate.verdicts
        group by model_version, recipe_id, protocol_id
    )

select *
from judged
where n_verdicts <> 1
    or n_doubled <> 0
    or n_pairs <> 1
    or verdict <> case
        when n_failed > 0 then 'rejected'
        when n_open > 0 then 'undecided'
        else 'promoted'
    end
order by model_version, recipe_id, protocol_id;
