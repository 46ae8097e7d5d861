-- Features of falls that no market can show.
--
-- asset   selloffs.features
-- grain   one row per offending event
-- reads   selloffs.features

select symbol, session_date, rung, detected_at
from selloffs.features
where minutes_since_open not between 1 and 390
    or minutes_to_close not between 0 and 389
    or time_bucket not in ('opening', 'morning', 'midday', 'afternoon', 'power_hour')
    or drop_frac > -rung + 1e-12
    or bar_place not between 0 and 1
    or down_minutes_frac not between 0 and 1
    or market_breadth_frac not between 0 and 1
    or market_selloff_frac not between 0 and 1
    or minutes_from_high not between 0 and minutes_since_open - 1
    or fall_per_minute_frac < 0
    or realised_volatility < 0
    or volume_ratio < 0
    or bar_volume_ratio < 0
    or half_spread_bps <= 0
    or atr_14_frac < 0
    or high_52w_distance_frac > low_52w_distance_frac + 1e-12
    or is_above_sma_200 <> (sma_200_distance_frac > 0)
    or stop_distance_frac <= 0
    or abs(reward_to_risk - target_distance_frac / stop_distance_frac) > 1e-9
order by symbol, session_date, rung;
