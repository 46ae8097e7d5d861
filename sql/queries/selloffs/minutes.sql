-- Regular minutes of some sessions, as numbers: what falls are found in.
--
-- grain   one row per symbol and regular minute
-- reads   bars.minute
-- params  $symbols  varchar[]  the scanned symbols in order; code is the place among them
--         $first_date, $last_date  date  both included
-- units   prices USD raw, volume shares; opens_minute in minutes since 1970, UTC

with
    scanned as (
        select unnest($symbols) as symbol, unnest(range(len($symbols)))::integer as code
    )

select
    code,
    (epoch_us(opens_at) // 60000000)::integer as opens_minute,
    open,
    high,
    low,
    close,
    volume
from bars.minute
join scanned using (symbol)
where is_regular and session_date between $first_date and $last_date;
