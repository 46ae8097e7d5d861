-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   memory.proposals
-- grain   one row per offending row
-- reads   memory.proposals

select proposal, state, run_id, code_version, data_version, config_version
from memory.proposals
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by all;
