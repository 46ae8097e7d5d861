-- Scores that cannot be, or that do not lie where their block says.
--
-- asset   selloffs.scores
-- grain   one row per offending event
-- reads   selloffs.scores

with
    edges as (
        select min(session) filter (where is_holdout) as opens, count(*) filter (where is_holdout) as n
        from selloffs.scores
    ),
    numbered as (
        select
            *,
            count(*) over (partition by symbol, session_date, rung) as n_rows,
            max(session) over (
                order by if(block = 0, 1000000, block) range between unbounded preceding and 1 preceding
            ) as last_before
        from selloffs.scores
    )

select symbol, session_date, rung, block, probability, expected_r, risk_tier
from numbered cross join edges
where n_rows > 1
    or n = 0
    or is_holdout <> (block = 0)
    or block < 0
    or session <= last_before
    or is_holdout <> (session >= opens)
    or not isfinite(expected_r)
    or least(probability, trivial_probability, majority_probability) < 0
    or greatest(probability, trivial_probability, majority_probability) > 1
    or isnan(probability + trivial_probability + majority_probability)
    or risk_tier not between 0 and 1
    or (risk_tier > 0 and expected_r <= 0)
    or label not in (0, 1)
order by symbol, session_date, rung;
