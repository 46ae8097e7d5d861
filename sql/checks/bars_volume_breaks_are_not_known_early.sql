-- Volume breaks that are no change of level, rest on nothing, or are known on their own session.
--
-- asset   bars.volume_breaks
-- grain   one row per offending break
-- reads   bars.volume_breaks

select symbol, session_date, volume_before, volume_after, ratio, n_symbols, n_breaking, known_at
from bars.volume_breaks
where
    not (volume_before > 0 and volume_after > 0)
    or abs(ratio * volume_before / volume_after - 1) > 1e-9
    or n_breaking > n_symbols
    or evidence not in ('vendor_wide', 'daily_share', 'vendor_wide and daily_share')
    or (known_at at time zone 'America/New_York')::date <= session_date
order by symbol, session_date;
