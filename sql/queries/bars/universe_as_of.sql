-- Symbols that were listed, and not known to have left, at a moment.
--
-- grain   one row per symbol
-- reads   bars.universe, session_calendar (session_date, opens_at, closes_at)
-- params  $as_of                      instant; what is known at it counts
--         $delisted_after_sessions    sessions without a bar after which a symbol has left
--         those of session_calendar, which must reach from the first bar to $as_of
-- units   dates are exchange sessions
-- note    a symbol that left later is in, one that was listed later is not: no survivor is
--         preferred; a delisting is known once that many sessions have closed without a bar

with
    closed as (
        select session_date
        from session_calendar
        where closes_at <= $as_of
    )

select
    universe.symbol,
    universe.kind,
    universe.is_index,
    universe.first_date,
    universe.is_simulated
from bars.universe as universe
where
    universe.first_date in (select session_date from closed)
    and not (
        universe.is_delisted
        and (select count(*) from closed where closed.session_date > universe.last_date)
        > $delisted_after_sessions
    )
order by universe.symbol;
