-- Lines of the champion's health that do not say what they were made from.
--
-- asset   gate.health
-- grain   (criterion)
-- reads   gate.health

select criterion
from gate.health
where run_id is null
    or code_version is null
    or data_version is null
    or config_version is null
order by criterion;
