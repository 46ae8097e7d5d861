-- Labels with two roles in a fold, or rows that stand more than once.
--
-- asset   splits.folds
-- grain   one row per repeated (fold, symbol, session_date)
-- reads   splits.folds

select fold, symbol, session_date, count(*) as n_rows
from splits.folds
group by all
having count(*) > 1
order by fold, symbol, session_date;
