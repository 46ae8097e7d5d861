-- Verdicts on the model of falls that their own criteria contradict.
--
-- asset   selloffs.verdicts
-- grain   one row per offending (model_version, recipe_id, protocol_id)
-- reads   selloffs.verdicts
-- note    where the falls are too few, nothing that rests on them may be passed or failed

with
    judged as (
        select
            model_version, recipe_id, protocol_id,
            min(verdict) as verdict,
            count(distinct verdict) as n_verdicts,
            count(*) - count(distinct position) as n_doubled,
            count(*) filter (where criterion = 'events') as n_counts,
            count(*) filter (where criterion = 'events' and is_passed is null) as n_few,
            count(*) filter (where not is_passed) as n_failed,
            count(*) filter (where is_passed is null) as n_open,
            count(*) filter (
                where is_passed is not null and criterion not in ('latency_ms', 'model_mb')
            ) as n_claimed
        from selloffs.verdicts
        group by model_version, recipe_id, protocol_id
    )

select *
from judged
where n_verdicts <> 1
    or n_doubled <> 0
    or n_counts <> 1
    or (n_few = 1 and n_claimed > 0)
    or verdict <> case
        when n_failed > 0 then 'rejected'
        when n_open > 0 then 'undecided'
        else 'promoted'
    end
order by model_version, recipe_id, protocol_id;
