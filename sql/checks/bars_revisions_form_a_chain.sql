-- Revisions that change nothing, run backwards, or do not begin where the one before ended.
--
-- asset   bars.revisions
-- grain   one row per offending revision
-- reads   bars.revisions

with
    chained as (
        select
            *,
            row_number() over bar as nth,
            lag(new_open) over bar as open_before,
            lag(new_high) over bar as high_before,
            lag(new_low) over bar as low_before,
            lag(new_close) over bar as close_before,
            lag(new_volume) over bar as volume_before,
            lag(known_at) over bar as known_before
        from bars.revisions
        window bar as (partition by symbol, interval_minutes, opens_at order by revision)
    )

select symbol, interval_minutes, opens_at, revision, nth, old_known_at, known_at
from chained
where
    interval_minutes not in (1, 1440)
    or revision <> nth
    or new_ingested_at < old_ingested_at
    or known_at < old_known_at
    or known_at < new_ingested_at
    or (
        old_open is not distinct from new_open
        and old_high is not distinct from new_high
        and old_low is not distinct from new_low
        and old_close is not distinct from new_close
        and old_volume is not distinct from new_volume
    )
    or (
        nth > 1
        and (
            old_open is distinct from open_before
            or old_high is distinct from high_before
            or old_low is distinct from low_before
            or old_close is distinct from close_before
            or old_volume is distinct from volume_before
            or old_known_at is distinct from known_before
        )
    )
order by symbol, interval_minutes, opens_at, revision;
