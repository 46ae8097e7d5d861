-- What a model may train on or be judged on: closed label, regime and rare event of a row; its
-- features are those of the same symbol and session in panel_features.
--
-- grain   one row per equity and session whose label is closed and whose features were known in time
-- reads   features.daily, labels.direction, regimes.market, memory.rare_events
-- params  $first_date, $last_date  date   sessions of the decision, both ends included
-- note    a row that became known after 18:00 New York of its session never existed for a decision

select
    labels.symbol,
    labels.session_date,
    labels.session,
    labels.start_session,
    labels.end_session,
    labels.label,
    labels.is_closed,
    labels.excess_return_frac,
    labels.uniqueness,
    regimes.regime,
    events.regime as event_regime
from labels.direction as labels
join features.daily as features using (symbol, session_date)
join regimes.market as regimes using (session_date)
left join memory.rare_events as events
    on labels.session_date between events.first_date and events.last_date
where labels.label is not null
    and labels.session_date between $first_date and $last_date
    and features.known_at
        <= timezone('America/New_York', labels.session_date::timestamp + interval 18 hour)
order by labels.symbol, labels.session;
