-- Pages whose range has no page right before them, or went on after its last one.
--
-- asset   bars.requests
-- grain   one row per offending page
-- reads   bars.requests

select request, vendor, dataset, symbols, start_date, end_date, page, page_before
from (
    select
        *,
        lag(page) over ranges as page_before,
        lag(is_last) over ranges as was_last
    from bars.requests
    window ranges as (
        partition by vendor, dataset, symbols, start_date, end_date order by request
    )
)
where page > 0 and (page_before is distinct from page - 1 or was_last)
order by request;
