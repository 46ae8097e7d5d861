-- Sessions with regular minute bars, and how far their bars reach.
--
-- grain   one row per session
-- reads   bars.minute
-- params  $first_date  date
-- units   instants UTC
-- note    there is no last date: a session is complete where a later one has bars

select session_date, max(closes_at) as last_closes_at
from bars.minute
where is_regular and session_date >= $first_date
group by session_date
order by session_date;
