-- Scanners told twice for one slice.
--
-- asset   selloffs.backtest
-- grain   one row per offending (scanner, span, slice_kind, slice)
-- reads   selloffs.backtest

select scanner, span, slice_kind, slice, count(*) as n_rows
from selloffs.backtest
group by scanner, span, slice_kind, slice
having count(*) > 1
order by scanner, span, slice_kind, slice;
