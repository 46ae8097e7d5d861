-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   predictions.live
-- grain   one row per offending row
-- reads   predictions.live

select prediction_id, run_id, code_version, data_version, config_version
from predictions.live
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by prediction_id;
