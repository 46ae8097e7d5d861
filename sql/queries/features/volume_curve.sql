-- How volume spreads over the session: the usual share of each 5-minute bar.
--
-- grain   one row per minutes since the session's open
-- reads   bars.intraday
-- units   share 0..1 of a symbol's volume of a session, median over symbols and sessions

with
    bars as (
        select
            symbol,
            session_date,
            opens_at,
            volume,
            sum(volume) over session as session_volume,
            min(opens_at) over session as first_opens_at,
            count(*) over session as n_bars
        from bars.intraday
        where interval_minutes = 5
        window session as (partition by symbol, session_date)
    )

select
    date_diff('minute', first_opens_at, opens_at) as minutes_since_open,
    median(volume / session_volume) as share
from bars
-- Whole regular sessions only: on half-days a bar holds more of the day.
where n_bars = 78 and session_volume > 0
group by minutes_since_open
order by minutes_since_open;
