-- Minutes of a mode and session whose ranks do not count from one without a gap.
--
-- asset   selloffs.alerts
-- grain   one row per offending (mode, session_date, detected_at)
-- reads   selloffs.alerts

select
    mode,
    session_date,
    detected_at,
    count(*) as n_rows,
    count(distinct rank) as n_ranks,
    min(rank) as first_rank,
    max(rank) as last_rank
from selloffs.alerts
group by mode, session_date, detected_at
having min(rank) <> 1 or max(rank) <> count(*) or count(distinct rank) <> count(*)
order by mode, session_date, detected_at;
