-- Falls that did not reach their rung, or whose figures contradict each other.
--
-- asset   selloffs.events
-- grain   one row per offending event
-- reads   selloffs.events

select symbol, session_date, rung, session_open, low, close, drop_frac
from selloffs.events
where low > session_open * (1 - rung)
    or close < low
    or drop_frac not between -1 and 0
    or abs(drop_frac - (low / session_open - 1)) > 1e-12
order by symbol, session_date, rung;
