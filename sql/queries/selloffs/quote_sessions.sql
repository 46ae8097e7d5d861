-- The half-spread of a session's regular minutes, from their last quotes.
--
-- grain   one row per symbol and session with a usable quote
-- reads   bars.quotes, bars.minute
-- params  none
-- units   bps of the mid
-- note    a quote counts where the minute is regular; locked and crossed quotes are left out

select
    quotes.symbol,
    quotes.session_date,
    median((ask_close - bid_close) / (ask_close + bid_close) * 1e4) as half_spread_bps
from bars.quotes as quotes
join bars.minute as bar
    on bar.symbol = quotes.symbol and bar.opens_at = quotes.opens_at and bar.is_regular
where
    bid_close > 0
    and ask_close > bid_close
group by quotes.symbol, quotes.session_date
order by quotes.symbol, quotes.session_date;
