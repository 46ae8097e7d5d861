-- What a decision after the close of a session could see: each equity whose features were known.
--
-- grain   one row per equity and session
-- reads   features.daily, regimes.market, bars.universe
-- params  $first_session, $last_session  integer  sessions of the decision, both ends included
-- units   known_at  when the row's features were known
-- note    a row that became known after 18:00 New York of its session never existed for a decision

select features.symbol, features.session_date, features.session, features.known_at, regimes.regime
from features.daily as features
join bars.universe as universe using (symbol)
join regimes.market as regimes using (session_date)
where universe.kind = 'equity'
    and features.session between $first_session and $last_session
    and features.known_at
        <= timezone('America/New_York', features.session_date::timestamp + interval 18 hour)
order by features.session, features.symbol;
