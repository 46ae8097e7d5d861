-- Models with two open episodes, or episodes that end before they begin or bear a doubled name.
--
-- asset   drift.episodes
-- grain   one row per offending episode
-- reads   drift.episodes

with
    counted as (
        select
            *,
            count(*) filter (where state = 'open') over (partition by model_version) as n_open,
            count(*) over (partition by episode_id) as n_named
        from drift.episodes
    )

select episode_id, model_version, opened_date, last_date, reason, state
from counted
where (state = 'open' and n_open > 1)
    or n_named > 1
    or last_date < opened_date
    or state not in ('open', 'cooled', 'promoted')
    or reason not in ('features', 'scores', 'outcomes', 'age')
order by model_version, opened_date;
