-- Evidence told twice, outside its interval or its range, or missing without a word.
--
-- asset   backtest.evidence
-- grain   one row per offending metric
-- reads   backtest.evidence

select metric, count(*) as n_rows, min(value) as value, min(low) as low, max(high) as high
from backtest.evidence
group by metric
having count(*) > 1
    or bool_or(low > value or high < value or last_date < first_date or n < 0)
    or bool_or((metric = 'pbo' or metric like 'spa_p_%') and (low < 0 or high > 1))
    or bool_or(value is null and note not like 'not assessable%')
order by metric;
