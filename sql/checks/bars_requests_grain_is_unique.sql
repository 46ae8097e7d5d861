-- Pages that stand more than once.
--
-- asset   bars.requests
-- grain   one row per repeated (request)
-- reads   bars.requests

select request, count(*) as n_rows
from bars.requests
group by all
having count(*) > 1
order by request;
