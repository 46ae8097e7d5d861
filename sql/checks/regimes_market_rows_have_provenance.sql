-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   regimes.market
-- grain   one row per offending row
-- reads   regimes.market

select session_date, run_id, code_version, data_version, config_version
from regimes.market
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by session_date;
