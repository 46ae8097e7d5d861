-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   memory.archive
-- grain   one row per offending row
-- reads   memory.archive

select symbol, session_date, run_id, code_version, data_version, config_version
from memory.archive
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by symbol, session_date;
