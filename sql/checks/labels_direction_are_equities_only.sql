-- Labels of a symbol that is no equity, or of a session where it had no bar.
--
-- asset   labels.direction
-- grain   one row per offending label
-- reads   labels.direction, bars.daily, bars.universe

select direction.symbol, direction.session_date, universe.kind, daily.close
from labels.direction as direction
left join bars.universe as universe using (symbol)
left join bars.daily as daily using (symbol, session_date)
where universe.kind is distinct from 'equity' or daily.close is null
order by direction.symbol, direction.session_date;
