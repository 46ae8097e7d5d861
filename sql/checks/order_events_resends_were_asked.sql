-- Orders sent again without the broker having been asked in between.
--
-- asset   selloffs.order_events
-- grain   one row per offending event
-- reads   selloffs.order_events

with
    marked as (
        select
            sequence, client_order_id, kind,
            lag(kind) over (partition by client_order_id order by sequence) as kind_before,
            lag(status) over (partition by client_order_id order by sequence) as status_before,
            count(*) filter (where kind = 'submit') over (
                partition by client_order_id order by sequence
                rows between unbounded preceding and 1 preceding
            ) as n_before
        from selloffs.order_events
        where client_order_id is not null
            -- Meaning it anew, as for fewer shares, asks nobody.
            and kind in ('submit', 'answer', 'observed')
    )

select sequence, client_order_id, kind_before, status_before
from marked
where kind = 'submit'
    and n_before > 0
    and (kind_before is distinct from 'observed' or status_before is distinct from 'absent')
order by sequence;
