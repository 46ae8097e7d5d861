-- Closes at which equity is not cash plus positions, or lies above its own peak.
--
-- asset   backtest.equity
-- grain   one row per offending session
-- reads   backtest.equity
-- note    to 1e-9 of the equity, the rounding of doubles

select session_date, cash_usd, position_usd, equity_usd, drawdown_frac
from backtest.equity
where abs(equity_usd - (cash_usd + position_usd)) > 1e-9 * abs(equity_usd)
    or drawdown_frac > 0
    or cost_usd < 0
order by session_date;
