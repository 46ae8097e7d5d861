-- Features of the rows of a panel.
--
-- grain   one row per equity and session whose features were known in time
-- reads   features.daily
-- params  $first_date, $last_date  date       sessions of the decision, both ends included
--         $features                varchar[]  names of the columns wanted
-- units   as in features.catalog
-- note    a row that became known after 18:00 New York of its session never existed for a decision

select
    symbol,
    session,
    columns(lambda name: list_contains($features, name))
from features.daily
where session_date between $first_date and $last_date
    and known_at <= timezone('America/New_York', session_date::timestamp + interval 18 hour);
