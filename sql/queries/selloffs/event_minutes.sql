-- Regular minutes of the sessions in which symbols fell, with the half-spread of each quote.
--
-- grain   one row per regular minute of a symbol and session with an event
-- reads   selloffs.events, bars.minute, bars.quotes
-- params  $symbols  varchar[]  the scanned symbols in order; code is the place among them
--         $first_date, $last_date  date  both included
-- units   prices USD raw, volume shares; opens_minute in minutes since 1970, UTC;
--         half_spread_bps in bps of the mid, missing without a quote that is neither locked nor crossed

with
    scanned as (
        select unnest($symbols) as symbol, unnest(range(len($symbols)))::integer as code
    ),

    fallen as (
        select distinct symbol, session_date
        from selloffs.events
        where session_date between $first_date and $last_date
    ),

    quoted as (
        select
            symbol,
            opens_at,
            (ask_close - bid_close) / (ask_close + bid_close) * 1e4 as half_spread_bps
        from bars.quotes
        where
            session_date between $first_date and $last_date
            and bid_close > 0
            and ask_close > bid_close
    )

select
    code,
    (epoch_us(opens_at) // 60000000)::integer as opens_minute,
    open,
    high,
    low,
    close,
    volume,
    half_spread_bps
from bars.minute
join fallen using (symbol, session_date)
join scanned using (symbol)
left join quoted using (symbol, opens_at)
where is_regular and session_date between $first_date and $last_date;
