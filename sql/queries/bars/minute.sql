-- Clean minute bars: the rows no rule refuses.
--
-- grain   one row per symbol and minute
-- reads   judged_minute
-- params  none of its own
-- units   prices USD as traded, volume shares, instants UTC; bars are left-closed

select
    symbol,
    session_date,
    opens_at,
    opens_at + interval 1 minute as closes_at,
    open,
    high,
    low,
    close,
    volume,
    opens_at >= session_opens_at and opens_at < session_closes_at as is_regular,
    vendor,
    coalesce(confirmed_at, opens_at + interval 1 minute) as known_at
from judged_minute
where reason is null;
