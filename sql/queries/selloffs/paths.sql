-- The regular minutes of a few sessions, for the charts of falls.
--
-- grain   one row per (symbol, session_date, opens_at)
-- reads   bars.minute
-- params  $symbols  varchar[]  symbol of each session asked for
--         $dates    date[]     its date, in the same place
-- units   close in USD, raw

with
    asked as (
        select distinct unnest($symbols) as symbol, unnest($dates) as session_date
    )

select symbol, session_date, opens_at, closes_at, close
from bars.minute
join asked using (symbol, session_date)
where is_regular
order by symbol, session_date, opens_at;
