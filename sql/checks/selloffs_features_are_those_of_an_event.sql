-- Falls without features, features without a fall, and features told twice.
--
-- asset   selloffs.features
-- grain   one row per offending (symbol, session_date, rung)
-- reads   selloffs.events, selloffs.features

with
    paired as (
        select
            coalesce(event.symbol, feature.symbol) as symbol,
            coalesce(event.session_date, feature.session_date) as session_date,
            coalesce(event.rung, feature.rung) as rung,
            event.detected_at is not distinct from feature.detected_at
                and event.session_open is not distinct from feature.session_open
                and event.low is not distinct from feature.low
                and event.drop_frac is not distinct from feature.drop_frac as is_same
        from selloffs.events as event
        full join selloffs.features as feature
            on feature.symbol = event.symbol
            and feature.session_date = event.session_date
            and feature.rung = event.rung
    )

select symbol, session_date, rung, count(*) as n_rows
from paired
group by symbol, session_date, rung
having count(*) > 1 or not bool_and(is_same)
order by symbol, session_date, rung;
