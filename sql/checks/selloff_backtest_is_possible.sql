-- Figures of a scanner that cannot be, or that contradict each other.
--
-- asset   selloffs.backtest
-- grain   one row per offending (scanner, span, slice)
-- reads   selloffs.backtest
-- note    to 1e-9, the rounding of doubles

select scanner, span, slice_kind, slice, n_events, n_trades, expectancy_r
from selloffs.backtest
where scanner not in ('take_all', 'trivial', 'model', 'model_tiered')
    or span not in ('oof', 'holdout')
    or n_trades not between 0 and n_events
    or (n_trades = 0) <> (expectancy_r is null)
    or not coalesce(expectancy_r between expectancy_low and expectancy_high, true)
    or not coalesce(difference_r between difference_low and difference_high, true)
    or not coalesce(hit_rate between 0 and 1, true)
    or not coalesce(profit_factor >= 0, true)
    or not coalesce(max_drawdown_r <= 0, true)
    or not coalesce(trades_per_week >= 0, true)
    or (slice_kind <> 'cost_multiple' and not coalesce(expectancy_r <= gross_expectancy_r + 1e-9, true))
    or (scanner = 'take_all' and difference_r is not null)
    or (is_assessable and expectancy_low is null)
order by scanner, span, slice_kind, slice;
