-- Scans whose trend and momentum contradict the figures they rest on.
--
-- asset   scans.history
-- grain   one row per offending (scan_id)
-- reads   scans.history
-- note    an index that does not move has returns but no momentum

select *
from scans.history
where
    (spy_trend is not null and return_20d is null)
    or (momentum is not null and (return_20d is null or annualised_volatility is null))
    or (momentum is null and annualised_volatility > 0 and return_20d is not null)
    or (
        momentum is not null
        and abs(
            momentum
            - greatest(-1, least(1, return_20d / (2 * annualised_volatility * sqrt(20 / 252))))
        ) > 1e-9
    )
order by scan_id;
