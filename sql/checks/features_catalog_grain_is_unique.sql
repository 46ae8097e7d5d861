-- Features that stand in the catalogue more than once.
--
-- asset   features.catalog
-- grain   one row per repeated (stage, feature, timeframe_minutes)
-- reads   features.catalog

select stage, feature, timeframe_minutes, count(*) as n_rows
from features.catalog
group by all
having count(*) > 1
order by stage, feature, timeframe_minutes;
