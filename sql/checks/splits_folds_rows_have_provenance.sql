-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   splits.folds
-- grain   one row per offending row
-- reads   splits.folds

select fold, symbol, session_date, run_id, code_version, data_version, config_version
from splits.folds
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by fold, symbol, session_date;
