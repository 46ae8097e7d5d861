-- Sessions whose regime is no word of the vocabulary, or that give no reason.
--
-- asset   regimes.market
-- grain   one row per offending session
-- reads   regimes.market

select session_date, regime, reason, vix_source
from regimes.market
where
    regime not in (
        'crash', 'recovery', 'high_volatility', 'normal', 'low_volatility', 'unknown'
    )
    or trim(reason) = ''
    or vix_source not in ('vix', 'realised_proxy', 'missing')
order by session_date;
