-- Minutes present and missing, against the exchange calendar.
--
-- grain   one row per symbol and session of its minute span
-- reads   bars.minute, session_calendar (session_date, opens_at, closes_at)
-- params  those of session_calendar
-- units   minutes
-- note    a session without any bar inside the span stands with all its minutes missing

with
    counted as materialized (
        select
            symbol,
            session_date,
            count(*) filter (where is_regular) as n_minutes,
            count(*) filter (where not is_regular) as n_extended
        from bars.minute
        group by symbol, session_date
    ),

    spans as (
        select symbol, min(session_date) as first_date, max(session_date) as last_date
        from counted
        group by symbol
    ),

    expected as materialized (
        select
            spans.symbol,
            session_calendar.*,
            date_diff('minute', session_calendar.opens_at, session_calendar.closes_at)
                as n_expected,
            coalesce(counted.n_minutes, 0) as n_minutes,
            coalesce(counted.n_extended, 0) as n_extended
        from spans
        join session_calendar
            on session_calendar.session_date between spans.first_date and spans.last_date
        left join counted
            on spans.symbol = counted.symbol
            and session_calendar.session_date = counted.session_date
    ),

    -- Whole sessions have no gap: only the others pay for sorting.
    gaps as (
        select
            minute.symbol,
            minute.session_date,
            date_diff(
                'minute',
                coalesce(lag(minute.closes_at) over bar, expected.opens_at),
                minute.opens_at
            ) as before_minutes,
            case
                when lead(minute.opens_at) over bar is null
                    then date_diff('minute', minute.closes_at, expected.closes_at)
            end as after_minutes
        from bars.minute as minute
        join expected
            on minute.symbol = expected.symbol
            and minute.session_date = expected.session_date
            and expected.n_minutes < expected.n_expected
        where minute.is_regular
        window bar as (
            partition by minute.symbol, minute.session_date
            order by minute.opens_at
        )
    ),

    longest as (
        select
            symbol,
            session_date,
            greatest(max(before_minutes), max(after_minutes)) as gap_minutes
        from gaps
        group by symbol, session_date
    )

select
    symbol,
    session_date,
    n_expected::integer as n_expected,
    n_minutes::integer as n_minutes,
    (n_expected - n_minutes)::integer as n_missing,
    case
        when n_minutes = 0 then n_expected
        else coalesce(gap_minutes, 0)
    end::integer as longest_gap_minutes,
    n_extended::integer as n_extended
from expected
left join longest using (symbol, session_date)
order by symbol, session_date;
