-- When each symbol has minute bars.
--
-- grain   one row per symbol
-- reads   bars.minute
-- params  none
-- units   dates are exchange sessions

select
    symbol,
    min(session_date) as first_date,
    max(session_date) as last_date,
    count(distinct session_date)::integer as n_sessions
from bars.minute
group by symbol
order by symbol;
