-- Bars of 5, 10, 15 and 60 minutes, made from regular-session minute bars.
--
-- grain   one row per interval, symbol and bar in which at least one minute traded
-- reads   bars.minute, session_calendar (session_date, opens_at, closes_at)
-- params  $intervals  integer[]  minutes
--         those of session_calendar
-- units   prices USD, volume shares, instants UTC
-- note    bars count from the session's open and the last is cut at its close, so half-days and
--         daylight saving need no rule of their own

with
    regular as (
        select
            interval_minutes,
            minute.*,
            session_calendar.opens_at + to_minutes(
                interval_minutes
                * (date_diff('minute', session_calendar.opens_at, minute.opens_at) // interval_minutes)
            ) as bar_opens_at,
            session_calendar.closes_at as session_closes_at
        from bars.minute as minute
        join session_calendar on session_calendar.session_date = minute.session_date
        cross join (select unnest($intervals)::integer as interval_minutes)
        where minute.is_regular
    )

select
    interval_minutes,
    symbol,
    session_date,
    bar_opens_at as opens_at,
    least(bar_opens_at + to_minutes(interval_minutes), session_closes_at) as closes_at,
    arg_min(open, opens_at) as open,
    max(high) as high,
    min(low) as low,
    arg_max(close, opens_at) as close,
    -- In order of time, so that rounding never depends on the number of threads.
    sum(volume order by opens_at) as volume,
    count(*)::integer as n_minutes,
    -- A minute that waited for its confirmation holds its bar back.
    greatest(
        least(bar_opens_at + to_minutes(interval_minutes), session_closes_at), max(known_at)
    ) as known_at
from regular
group by interval_minutes, symbol, session_date, bar_opens_at, session_closes_at;
