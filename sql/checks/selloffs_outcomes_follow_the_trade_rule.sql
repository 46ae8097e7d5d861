-- Closed trades of falls whose figures contradict each other or the rule.
--
-- asset   selloffs.outcomes
-- grain   one row per offending trade
-- reads   selloffs.outcomes

select symbol, session_date, rung, entry_delay_minutes, exit_reason
from selloffs.outcomes
where status = 'closed'
    and (
        entry_at < detected_at + to_minutes(entry_delay_minutes)
        or exit_at <= entry_at
        or known_at < exit_at
        or entry_price >= target_price
        or stop_price >= entry_price
        or exit_reason not in ('target', 'stop', 'close')
        or reversed <> (exit_reason = 'target')
        or (recovery_frac is null or peak_price < entry_price)
        or shares < 1
        or shares <> floor(shares)
        or cost_r < 0
        or r_multiple > gross_r
        or abs(r_multiple - (gross_r - cost_r)) > 1e-9
        or abs(gross_r - (exit_price - entry_price) / (entry_price - stop_price)) > 1e-6
        or mae_r > 0
        or mfe_r < 0
        or minutes_to_peak < 0
        or hold_minutes <> date_diff('minute', entry_at, exit_at)
        or hold_bucket is null
    )
order by symbol, session_date, rung, entry_delay_minutes;
