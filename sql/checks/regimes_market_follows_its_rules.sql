-- Sessions whose label contradicts the precedence: price crash, then recovery, then VIX.
--
-- asset   regimes.market
-- grain   one row per offending session
-- reads   regimes.market
-- note    written without the labeller's code; the numbers of the bands are settings

select session_date, regime, is_price_crash, vix_close, vix_source, drawdown_frac
from regimes.market
where
    (is_price_crash and regime <> 'crash')
    or drawdown_frac > 0
    or drawdown_frac < -1
    or (is_price_crash and drawdown_frac is null)
    or (regime = 'unknown' and vix_source <> 'missing')
    or (regime not in ('unknown', 'recovery', 'crash') and vix_source = 'missing')
    or (vix_source = 'missing') <> (vix_close is null)
order by session_date;
