-- Label spans that begin before the next session, differ in length, or close beyond the data.
--
-- asset   labels.direction
-- grain   one row per offending label
-- reads   labels.direction, bars.daily
-- note    one horizon for all: every span has the usual length

with
    usual as (
        select mode(end_session - start_session) as span
        from labels.direction
    ),

    held as (
        select max(session) as last_session
        from bars.daily
    )

select symbol, session_date, session, start_session, end_session, is_closed
from labels.direction, usual, held
where
    start_session <> session + 1
    or end_session < start_session
    or end_session - start_session <> usual.span
    or (is_closed and (end_session > held.last_session or held.last_session is null))
order by symbol, session_date;
