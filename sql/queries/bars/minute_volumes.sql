-- The level of minute volume, session by session.
--
-- grain   one row per symbol and session with a regular minute bar of known volume above zero
-- reads   bars.minute, bars.daily
-- params  none
-- units   shares

with
    by_session as (
        select
            symbol,
            session_date,
            arg_max(vendor, opens_at) as vendor,
            median(volume) as minute_volume,
            sum(volume order by opens_at) as session_volume
        from bars.minute
        where is_regular and volume is not null
        group by symbol, session_date
    )

select
    by_session.symbol,
    by_session.session_date,
    by_session.vendor,
    minute_volume,
    session_volume / nullif(daily.volume, 0) as daily_share
from by_session
left join bars.daily as daily using (symbol, session_date)
where minute_volume > 0
order by by_session.symbol, by_session.session_date;
