-- The archive: every labelled row inside a rare event, with all its features.
--
-- grain   one row per (event, symbol, session_date)
-- reads   memory.rare_events, labels.direction, regimes.market, features.daily
-- note    spans of events never overlap, so a row belongs to one event at most

select
    events.event,
    labels.symbol,
    labels.session_date,
    labels.session,
    events.regime as event_regime,
    regimes.regime,
    labels.label,
    events.catalogue_version,
    features.* exclude (
        symbol, session_date, session, known_at, run_id, code_version, data_version, config_version
    )
from labels.direction as labels
join memory.rare_events as events
    on labels.session_date between events.first_date and events.last_date
join regimes.market as regimes using (session_date)
join features.daily as features using (symbol, session_date)
