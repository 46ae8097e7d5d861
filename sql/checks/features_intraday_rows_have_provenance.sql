-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   features.intraday
-- grain   one row per offending row
-- reads   features.intraday

select interval_minutes, symbol, opens_at, run_id, code_version, data_version, config_version
from features.intraday
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by interval_minutes, symbol, opens_at;
