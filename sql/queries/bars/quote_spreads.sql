-- Half-spread by time of the session, from the last quote of each minute.
--
-- grain   one row per symbol and bucket with at least one regular quote
-- reads   bars.quotes, session_calendar (session_date, opens_at, closes_at)
-- params  $bucket_minutes  minutes
--         $high_quantile   1, of the half-spread's upper quantile
--         those of session_calendar
-- units   bps of the mid; buckets count from the session's open
-- note    locked and crossed quotes and quotes with an empty side say nothing of what a trade
--         costs (Holden and Jacobsen 2014): they are counted and left out

with
    regular as (
        select
            quotes.symbol,
            date_diff('minute', session_calendar.opens_at, quotes.opens_at)
                // $bucket_minutes * $bucket_minutes as bucket_minute,
            quotes.bid_close > 0 and quotes.ask_close > quotes.bid_close as is_usable,
            (quotes.ask_close - quotes.bid_close) / (quotes.ask_close + quotes.bid_close) * 1e4
                as half_spread_bps,
            quotes.known_at
        from bars.quotes as quotes
        join session_calendar on session_calendar.session_date = quotes.session_date
        where
            quotes.opens_at >= session_calendar.opens_at
            and quotes.opens_at < session_calendar.closes_at
    )

select
    symbol,
    bucket_minute::integer as bucket_minute,
    median(half_spread_bps) filter (where is_usable) as half_spread_bps,
    quantile_cont(half_spread_bps, $high_quantile::double) filter (where is_usable)
        as half_spread_high_bps,
    (count(*) filter (where is_usable))::integer as n_quotes,
    (count(*) filter (where not is_usable))::integer as n_unusable,
    max(known_at) as known_at
from regular
group by symbol, bucket_minute
order by symbol, bucket_minute;
