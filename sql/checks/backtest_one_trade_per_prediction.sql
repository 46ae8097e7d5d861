-- Names held twice by one cohort, or chosen by something that is no probability.
--
-- asset   backtest.trades
-- grain   one row per offending (cohort, symbol)
-- reads   backtest.trades

select cohort, symbol, count(*) as n_trades, min(probability) as lowest, max(probability) as highest
from backtest.trades
group by cohort, symbol
having count(*) > 1 or min(probability) < 0 or max(probability) > 1 or bool_or(isnan(probability))
order by cohort, symbol;
