-- Labels that contradict their own returns, or open ones with a value.
--
-- asset   labels.direction
-- grain   one row per offending label
-- reads   labels.direction

select
    symbol, session_date, is_closed, label, forward_return_frac, median_return_frac,
    excess_return_frac, uniqueness, known_at
from labels.direction
where
    label not in (0, 1)
    or (label is not null and (not is_closed or forward_return_frac is null))
    or (label is not null and (uniqueness is null or known_at is null))
    or (not is_closed and (forward_return_frac is not null or known_at is not null))
    or forward_return_frac <= -1
    or uniqueness <= 0
    or uniqueness > 1
    or abs(forward_return_frac - median_return_frac - excess_return_frac) > 1e-9
order by symbol, session_date;
