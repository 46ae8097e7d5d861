-- Errors that are not the distance of probability and label, or out of order.
--
-- asset   memory.replay
-- grain   one row per offending (block, place)
-- reads   memory.replay

with
    ranked as (
        select
            block,
            place,
            symbol,
            session_date,
            label,
            oof_probability,
            error_frac,
            age_sessions,
            lag(error_frac) over (partition by block order by place) as error_before
        from memory.replay
    )

select *
from ranked
where
    oof_probability not between 0 and 1
    or abs(error_frac - abs(label - oof_probability)) > 1e-12
    or error_frac > error_before
    or age_sessions < 1
order by block, place;
