-- Words on the champion's health that contradict each other.
--
-- asset   gate.health
-- grain   one row per offending table state
-- reads   gate.health
-- note    where nobody is in service there is one line alone

with
    told as (
        select
            count(*) as n_rows,
            count(distinct position) as n_positions,
            count(distinct criterion) as n_criteria,
            count(distinct model_version) as n_models,
            count(*) filter (where model_version is null) as n_nameless,
            count(*) filter (where criterion = 'in_service') as n_in_service,
            count(*) filter (where criterion = 'in_service' and is_healthy is null) as n_nobody,
            count(*) filter (where is_healthy and value > 0) as n_healthy_with_faults,
            count(*) filter (where not is_healthy and value = 0) as n_faults_without_any,
            count(*) filter (where criterion = 'loads' and is_healthy) as n_loads,
            count(*) filter (where criterion = 'files' and not is_healthy) as n_broken
        from gate.health
    )

select *
from told
where n_in_service <> 1
    or n_positions <> n_rows
    or n_criteria <> n_rows
    or n_models > 1
    or n_nobody <> (n_nameless > 0)::integer
    or n_rows <> case when n_nobody = 1 then 1 else 6 end
    or n_healthy_with_faults > 0
    or n_faults_without_any > 0
    or (n_broken > 0 and n_loads > 0);
