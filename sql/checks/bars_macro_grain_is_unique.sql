-- Macro observations that stand more than once.
--
-- asset   bars.macro
-- grain   one row per repeated (series, observed_date, known_at)
-- reads   bars.macro

select series, observed_date, known_at, count(*) as n_rows
from bars.macro
group by all
having count(*) > 1
order by series, observed_date, known_at;
