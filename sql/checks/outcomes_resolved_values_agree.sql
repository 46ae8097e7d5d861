-- Outcomes whose returns, excursions, hits and status contradict each other.
--
-- asset   outcomes.resolved
-- grain   one row per offending outcome
-- reads   outcomes.resolved
-- params  $hit_return_frac  double  [fraction] least raw move of a hit
-- note    the exit is inside the excursions, but for rounding

with
    signed as (
        select *, if(probability > 0.5, raw_return_frac, -raw_return_frac) as earned_frac
        from outcomes.resolved
    )

select
    prediction_id, probability, raw_return_frac, excess_return_frac, mfe_frac, mae_frac,
    sessions_to_peak, hit_raw, hit_excess, status
from signed
where status not in ('traded', 'skipped', 'missed')
    or mfe_frac < 0
    or mae_frac > 0
    or earned_frac > mfe_frac + 1e-9
    or earned_frac < mae_frac - 1e-9
    or (mfe_frac is null) <> (raw_return_frac is null)
    or (sessions_to_peak is null) <> (coalesce(mfe_frac, 0) = 0)
    or sessions_to_peak not between 1 and horizon_sessions
    or hit_raw is distinct from (earned_frac >= $hit_return_frac)
    or hit_excess is distinct from ((excess_return_frac > 0) = (probability > 0.5))
    or label not in (0, 1)
order by prediction_id;
