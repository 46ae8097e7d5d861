-- Fund flows that stand more than once.
--
-- asset   bars.etf_flows
-- grain   one row per repeated (symbol, session_date, known_at)
-- reads   bars.etf_flows

select symbol, session_date, known_at, count(*) as n_rows
from bars.etf_flows
group by all
having count(*) > 1
order by symbol, session_date, known_at;
