-- Scans whose words for the moment contradict the moment.
--
-- asset   scans.history
-- grain   one row per offending (scan_id)
-- reads   scans.history
-- note    inside the regular session is what none of pre_market and after_hours is

with
    told as (
        select *, scanned_at at time zone 'America/New_York' as local_at
        from scans.history
    )

select *
from told
where
    day_of_week <> lower(dayname(local_at))
    or time_of_day not in (
        'pre_market', 'opening', 'morning', 'midday', 'afternoon', 'power_hour', 'after_hours'
    )
    or is_market_hours = (time_of_day in ('pre_market', 'after_hours'))
    or (is_market_hours and session_date <> local_at::date)
    or (mode = 'historical' and is_market_hours)
order by scan_id;
