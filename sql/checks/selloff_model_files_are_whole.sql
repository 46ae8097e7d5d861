-- Models of falls that are not one version judged and one deployed, each with all of its files.
--
-- asset   selloffs.model
-- grain   one row per offending kind
-- reads   selloffs.model

with
    kinds as (
        select
            kind,
            count(distinct model_version) as n_versions,
            count(*) - count(distinct member) as n_doubled,
            count(*) filter (where member in ('recipe', 'meta_learner', 'calibrator', 'falls')) as n_parts,
            count(*) filter (where length(sha256) <> 64 or n_bytes <= 0 or n_features <= 0) as n_bad,
            min(n_rows) as n_rows,
            count(distinct n_rows) as n_counts,
            max(train_end) as train_end,
            min(recipe_id) as recipe_id
        from selloffs.model
        group by kind
    ),
    whole as (
        select *, count(*) over () as n_kinds, count(distinct recipe_id) over () as n_recipes,
            max(n_rows) filter (where kind = 'judged') over () as n_judged,
            max(train_end) filter (where kind = 'judged') over () as judged_end
        from kinds
    )

select *
from whole
where n_kinds <> 2
    or kind not in ('judged', 'deployed')
    or n_versions <> 1
    or n_doubled <> 0
    or n_parts <> 4
    or n_bad <> 0
    or n_counts <> 1
    or n_recipes <> 1
    or (kind = 'deployed' and (n_rows <= n_judged or train_end <= judged_end))
order by kind;
