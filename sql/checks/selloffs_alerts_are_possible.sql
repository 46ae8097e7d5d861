-- Alerts that contradict themselves: withheld without a reason or told with one, prices out of
-- order, shares where nothing may be risked, a probability without a model.
--
-- asset   selloffs.alerts
-- grain   one row per offending alert
-- reads   selloffs.alerts

select alert_id, status, reason, probability, risk_tier, shares, stop_price, close, target_price
from selloffs.alerts
where
    status not in ('alert', 'withheld')
    or mode not in ('live', 'replay')
    or (status = 'withheld') <> (reason <> '')
    or not (drop_frac < 0 and drop_frac >= -1 and low <= close)
    or not (stop_price < close and stop_price < low and target_price > low)
    or not (risk_tier between 0 and 1)
    or not (shares >= 0)
    or (shares > 0 and (risk_tier = 0 or status = 'withheld' or close >= target_price))
    or not coalesce(probability between 0 and 1, true)
    or (model_version is null) <> (probability is null)
    or alerted_at < detected_at - interval 1 second
    or not (latency_ms >= 0)
order by alert_id;
