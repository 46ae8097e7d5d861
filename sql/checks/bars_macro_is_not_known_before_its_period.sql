-- Macro observations usable before the day they describe.
--
-- asset   bars.macro
-- grain   one row per offending observation
-- reads   bars.macro

select series, observed_date, known_at
from bars.macro
where timezone('America/New_York', known_at) < observed_date
order by series, observed_date;
