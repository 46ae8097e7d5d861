-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   memory.rare_events
-- grain   one row per offending row
-- reads   memory.rare_events

select event, run_id, code_version, data_version, config_version
from memory.rare_events
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by event;
