-- What the spread model reads of each symbol, from its last sessions.
--
-- grain   one row per symbol with a return and a traded amount
-- reads   bars.daily, bars.minute
-- params  $n_sessions  sessions looked back upon
-- units   price USD as traded, amount USD per session, volatility 1 per session
-- note    sessions of symbols without daily volume are made from their regular minutes; price is
--         missing where every price is adjusted, for an adjusted level was never traded; the
--         median move is deaf to a split among raw minutes, and gaps over a week are no move

with
    from_minutes as materialized (
        select
            symbol,
            session_date,
            arg_max(close, opens_at) as level,
            sum(close * volume order by opens_at) as traded_usd,
            arg_max(close, opens_at) as price_usd,
            max(known_at) as known_at
        from bars.minute
        where is_regular
        group by symbol, session_date
    ),

    from_daily as (
        select
            daily.symbol,
            daily.session_date,
            daily.close * daily.adj_factor as level,
            daily.close * daily.volume as traded_usd,
            case
                when daily.prices = 'raw' then daily.close
                else from_minutes.price_usd
            end as price_usd,
            daily.known_at
        from bars.daily as daily
        left join from_minutes using (symbol, session_date)
        where daily.volume > 0
    ),

    by_session as (
        select * from from_daily
        union all by name
        select * from from_minutes
        anti join (select distinct symbol from from_daily) using (symbol)
        where traded_usd > 0
    ),

    recent as (
        select
            *,
            case
                when date_diff('day', lag(session_date) over symbol_days, session_date) <= 7
                    then abs(ln(level / lag(level) over symbol_days))
            end as move_log
        from by_session
        window symbol_days as (partition by symbol order by session_date)
        qualify row_number() over (partition by symbol order by session_date desc) <= $n_sessions
    )

select
    symbol,
    arg_max(price_usd, session_date) as price_usd,
    median(traded_usd) as traded_usd,
    -- A normal variable's median distance from zero is 0.6745 of its standard deviation.
    median(move_log) / 0.6745 as volatility,
    max(known_at) as known_at
from recent
group by symbol
having volatility > 0
order by symbol;
