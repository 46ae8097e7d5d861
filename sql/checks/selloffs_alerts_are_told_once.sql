-- Alerts of one fall that stand there more than once in a mode, by id or by what they are about.
--
-- asset   selloffs.alerts
-- grain   one row per offending (mode, symbol, session_date, rung)
-- reads   selloffs.alerts

select
    mode, symbol, session_date, rung, count(*) as n_rows, count(distinct alert_id) as n_ids
from selloffs.alerts
group by mode, symbol, session_date, rung
having count(*) > 1
order by mode, symbol, session_date, rung;
