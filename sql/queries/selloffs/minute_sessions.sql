-- What is left of each session of minutes: its last price, first and last minute, its range, the dollars traded.
--
-- grain   one row per symbol and session with a regular minute
-- reads   bars.minute
-- params  none
-- units   prices USD raw, traded_usd USD, missing without volume

select
    symbol,
    session_date,
    arg_max(close, opens_at) as close,
    min(closes_at) as first_closes_at,
    max(closes_at) as last_closes_at,
    max(high) as high,
    min(low) as low,
    -- Whole dollars: their sum is the same in any order.
    sum((close * volume)::bigint)::double as traded_usd
from bars.minute
where is_regular
group by symbol, session_date
order by symbol, session_date;
