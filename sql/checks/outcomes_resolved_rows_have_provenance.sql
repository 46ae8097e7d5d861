-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   outcomes.resolved
-- grain   one row per offending row
-- reads   outcomes.resolved

select prediction_id, run_id, code_version, data_version, config_version
from outcomes.resolved
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by prediction_id;
