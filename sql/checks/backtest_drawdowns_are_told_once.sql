-- Falls that are told twice, or out of order.
--
-- asset   backtest.drawdowns
-- grain   one row per offending fall
-- reads   backtest.drawdowns

select position, peak_date, depth_frac
from backtest.drawdowns
qualify count(*) over (partition by position) > 1
    or count(*) over (partition by peak_date) > 1
    or depth_frac < lag(depth_frac) over (order by position)
order by position;
