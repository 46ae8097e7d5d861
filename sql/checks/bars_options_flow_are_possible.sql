-- Options flows known before the session's last trade, negative, or whose imbalance is not theirs.
--
-- asset   bars.options_flow
-- grain   one row per offending row
-- reads   bars.options_flow

select symbol, session_date, call_premium_usd, put_premium_usd, imbalance, known_at
from bars.options_flow
where
    timezone('America/New_York', known_at) < session_date + interval 13 hours
    or call_volume < 0
    or put_volume < 0
    or call_premium_usd < 0
    or put_premium_usd < 0
    or imbalance not between -1 and 1
    or abs(
        imbalance
        - (call_premium_usd - put_premium_usd) / (call_premium_usd + put_premium_usd)
    ) > 1e-9
order by symbol, session_date, known_at;
