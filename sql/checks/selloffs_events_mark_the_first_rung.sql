-- Sessions of a symbol whose falls do not mark exactly one as the first: the shallowest, reached first.
--
-- asset   selloffs.events
-- grain   one row per offending (symbol, session_date)
-- reads   selloffs.events

select symbol, session_date, count(*) filter (where is_first) as n_first
from selloffs.events
group by symbol, session_date
having count(*) filter (where is_first) <> 1
    or min(rung) filter (where is_first) <> min(rung)
    or min(detected_at) filter (where is_first) <> min(detected_at)
order by symbol, session_date;
