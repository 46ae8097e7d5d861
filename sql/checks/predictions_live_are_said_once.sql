-- Words that were said more than once by a model about a symbol and session.
--
-- asset   predictions.live
-- grain   one row per offending (symbol, session_date, model_version)
-- reads   predictions.live

select symbol, session_date, model_version, count(*) as n_rows
from predictions.live
group by all
having count(*) > 1
order by symbol, session_date;
