-- Outcomes without a fall, and falls without one outcome for each delay that others have.
--
-- asset   selloffs.outcomes
-- grain   one row per offending (symbol, session_date, rung, entry_delay_minutes)
-- reads   selloffs.events, selloffs.outcomes

with
    expected as (
        select symbol, session_date, rung, detected_at, entry_delay_minutes
        from selloffs.events
        cross join (select distinct entry_delay_minutes from selloffs.outcomes)
    ),

    counted as (
        select symbol, session_date, rung, entry_delay_minutes, any_value(detected_at) as detected_at,
            count(*) as n_rows
        from selloffs.outcomes
        group by symbol, session_date, rung, entry_delay_minutes
    )

select symbol, session_date, rung, entry_delay_minutes, n_rows
from expected
full join counted using (symbol, session_date, rung, entry_delay_minutes)
where n_rows is distinct from 1
    or expected.detected_at is distinct from counted.detected_at
order by symbol, session_date, rung, entry_delay_minutes;
