-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   selloffs.scores
-- grain   one row per offending row
-- reads   selloffs.scores

select symbol, session_date, rung, run_id, code_version, data_version, config_version
from selloffs.scores
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by symbol, session_date, rung;
