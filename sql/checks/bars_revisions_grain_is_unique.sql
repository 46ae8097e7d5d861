-- Revisions that stand more than once.
--
-- asset   bars.revisions
-- grain   one row per repeated (symbol, interval_minutes, opens_at, revision)
-- reads   bars.revisions

select symbol, interval_minutes, opens_at, revision, count(*) as n_rows
from bars.revisions
group by all
having count(*) > 1
order by symbol, interval_minutes, opens_at, revision;
