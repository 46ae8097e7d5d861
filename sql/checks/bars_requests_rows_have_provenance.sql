-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   bars.requests
-- grain   one row per offending row
-- reads   bars.requests

select request, vendor, dataset, run_id, code_version, data_version, config_version
from bars.requests
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by request;
