-- Outcomes that are not closed and still hold figures, or give no reason; closed ones that give one.
--
-- asset   selloffs.outcomes
-- grain   one row per offending row
-- reads   selloffs.outcomes

select symbol, session_date, rung, entry_delay_minutes, status, reason
from selloffs.outcomes
where status not in ('closed', 'pending', 'no_trade')
    or (status = 'closed') <> (reason = '')
    or (
        status <> 'closed'
        and coalesce(
            entry_price, stop_price, target_price, exit_price, recovery_frac, peak_price, shares,
            gross_r, cost_r, r_multiple, mfe_r, mae_r
        ) is not null
    )
    or (
        status <> 'closed'
        and (reversed is not null or exit_reason is not null or exit_at is not null)
    )
    or (status = 'pending') <> (reason = 'session_not_complete')
    or (status = 'closed' and known_at is null)
order by symbol, session_date, rung, entry_delay_minutes;
