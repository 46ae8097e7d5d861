-- Clean best bid and offer per minute: the rows no rule refuses.
--
-- grain   one row per symbol and minute
-- reads   judged_quotes
-- params  none of its own
-- units   prices USD, sizes shares, instants UTC; minutes are left-closed

select
    symbol,
    session_date,
    opens_at,
    opens_at + interval 1 minute as closes_at,
    bid_close,
    ask_close,
    bid_size,
    ask_size,
    vendor,
    opens_at + interval 1 minute as known_at
from judged_quotes
where reason is null;
