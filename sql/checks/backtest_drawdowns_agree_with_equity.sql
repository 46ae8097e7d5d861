-- Falls that the book did not have, or whose dates and lengths contradict each other.
--
-- asset   backtest.drawdowns
-- grain   one row per offending fall
-- reads   backtest.drawdowns, backtest.equity

select position, peak_date, trough_date, recovered_date, depth_frac
from backtest.drawdowns
left join backtest.equity on session_date = trough_date
where equity.drawdown_frac is distinct from depth_frac
    or depth_frac >= 0
    or trough_date <= peak_date
    or recovered_date <= trough_date
    or (recovered_date is null) <> (n_sessions_up is null)
    or n_sessions <> n_sessions_down + n_sessions_up
    or n_sessions < n_sessions_down
    or position = 1 and depth_frac > (select min(drawdown_frac) from backtest.equity)
order by position;
