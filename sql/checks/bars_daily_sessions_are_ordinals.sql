-- Dates with two ordinals, ordinals with two dates, or ordinals that run against the dates.
--
-- asset   bars.daily
-- grain   one row per offending session
-- reads   bars.daily

with
    pairs as (
        select distinct session_date, session
        from bars.daily
    ),

    ordered as (
        select
            session_date,
            session,
            lag(session) over (order by session_date, session) as session_before,
            lag(session_date) over (order by session_date, session) as date_before
        from pairs
    )

select session_date, session, date_before, session_before
from ordered
where session_date = date_before or session <= session_before
order by session_date, session;
