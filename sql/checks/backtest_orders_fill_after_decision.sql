-- Orders filled on the bar that caused them, or positions that end before they begin.
--
-- asset   backtest.trades
-- grain   one row per offending trade
-- reads   backtest.trades

select cohort, symbol, decided_date, entry_date, exit_date
from backtest.trades
where entry_date <= decided_date or exit_date < entry_date
order by cohort, symbol;
