-- Broad indices beyond the first: regimes follow one.
--
-- asset   bars.universe
-- grain   one row per index, where there is more than one
-- reads   bars.universe

select symbol, kind
from bars.universe
where is_index and (select count(*) from bars.universe where is_index) > 1
order by symbol;
