-- Pages no fetch can have recorded.
--
-- asset   bars.requests
-- grain   one row per offending page
-- reads   bars.requests

select request, vendor, dataset, start_date, end_date, page, status, sha256, n_bytes, n_rows
from bars.requests
where
    end_date < start_date
    or page < 0
    or status <> 200
    or not regexp_full_match(sha256, '[0-9a-f]{64}')
    or n_bytes < 0
    or n_rows < 0
order by request;
