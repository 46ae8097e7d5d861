-- Features of the rows of a panel.
--
-- grain   one row per equity and session
-- reads   features.daily
-- params  $first_date, $last_date  date       sessions of the decision, both ends included
--         $features                varchar[]  names of the columns wanted
-- units   as in features.catalog

select
    symbol,
    session,
    columns(lambda name: list_contains($features, name))
from features.daily
where session_date between $first_date and $last_date;
