-- The first regular-session minute whose low reaches each rung below the session's open.
--
-- grain   one row per (symbol, session_date, rung)
-- reads   bars.minute, bars.universe
-- params  $rungs  double[]   depths of the rungs, as fractions of the open: 0.02 is 2 %
-- units   prices in USD, raw; drop_frac = low / session_open - 1, so it is negative
-- note    ETFs and indices are context only; detected_at is the close of the bar: before it nobody can know that bar's low

with
    regular as (
        select symbol, session_date, opens_at, closes_at, open, low, close, volume
        from bars.minute
        join bars.universe using (symbol)
        where is_regular and kind = 'equity'
    ),

    session_open as (
        select symbol, session_date, arg_min(open, opens_at) as session_open
        from regular
        group by symbol, session_date
    ),

    rungs as (
        select distinct unnest($rungs) as rung
    )

select
    symbol,
    session_date,
    rung,
    closes_at as detected_at,
    session_open,
    low,
    close,
    volume,
    low / session_open - 1 as drop_frac
from regular
join session_open using (symbol, session_date)
join rungs on low <= session_open * (1 - rung)
qualify row_number() over (partition by symbol, session_date, rung order by opens_at) = 1
order by symbol, session_date, rung;
