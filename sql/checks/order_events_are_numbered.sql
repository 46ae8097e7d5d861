-- Events of paper orders whose numbers have a gap, repeat, or run against the clock.
--
-- asset   selloffs.order_events
-- grain   one row per offending event
-- reads   selloffs.order_events

with
    placed as (
        select
            sequence, kind, happened_at,
            row_number() over (order by sequence, happened_at) as place,
            max(happened_at) over (
                order by sequence rows between unbounded preceding and 1 preceding
            ) as latest_before
        from selloffs.order_events
    )

select sequence, kind, happened_at, place, latest_before
from placed
where sequence <> place
    or happened_at < latest_before
order by sequence;
