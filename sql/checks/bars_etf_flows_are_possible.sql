-- Fund flows known before the session's last trade, or no number.
--
-- asset   bars.etf_flows
-- grain   one row per offending row
-- reads   bars.etf_flows

select symbol, session_date, flow_usd, known_at
from bars.etf_flows
where
    timezone('America/New_York', known_at) < session_date + interval 13 hours
    or not isfinite(flow_usd)
order by symbol, session_date, known_at;
