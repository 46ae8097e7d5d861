-- Sessions whose counted minutes do not add up, or hold more than the exchange was open.
--
-- asset   bars.coverage
-- grain   one row per offending (symbol, session_date)
-- reads   bars.coverage

select symbol, session_date, n_expected, n_minutes, n_missing, longest_gap_minutes, n_extended
from bars.coverage
where
    n_expected <= 0
    or n_minutes < 0
    or n_extended < 0
    or n_minutes + n_missing <> n_expected
    or longest_gap_minutes < 0
    or longest_gap_minutes > n_missing
    or (n_missing > 0 and longest_gap_minutes = 0)
order by symbol, session_date;
