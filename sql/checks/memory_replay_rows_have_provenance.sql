-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   memory.replay
-- grain   one row per offending row
-- reads   memory.replay

select block, place, symbol, run_id, code_version, data_version, config_version
from memory.replay
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by all;
