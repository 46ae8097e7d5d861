-- Scores out of range, scores of what is not assessable, or groups that stand more than once.
--
-- asset   outcomes.tracking
-- grain   one row per offending (role, level, name)
-- reads   outcomes.tracking

select role, level, name, position, n_rows, is_assessable, hit_rate, auc, auc_low, auc_high
from outcomes.tracking
where level not in ('all', 'sector', 'symbol')
    or is_assessable <> (auc is not null)
    or is_assessable <> (hit_rate is not null)
    or hit_rate not between 0 and 1
    or auc not between 0 and 1
    or auc_low > auc
    or auc_high < auc
    or n_rows < n_sessions
union all
select role, level, name, null, count(*), null, null, null, null, null
from outcomes.tracking
group by role, level, name
having count(*) > 1
order by role, level, name;
