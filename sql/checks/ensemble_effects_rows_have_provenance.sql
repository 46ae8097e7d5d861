-- Rows that cannot be traced to a run, its code, its data and its settings.
--
-- asset   ensemble.effects
-- grain   one row per offending row
-- reads   ensemble.effects

select switch, regime, run_id, code_version, data_version, config_version
from ensemble.effects
where
    run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by switch, regime;
