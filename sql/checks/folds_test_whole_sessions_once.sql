-- Sessions that are tested in more than one fold, or only in part.
--
-- asset   splits.folds
-- grain   one row per offending session
-- reads   splits.folds, labels.direction

with
    tested as (
        select session_date, count(distinct fold) as n_folds, count(*) as n_rows
        from splits.folds
        where role = 'test'
        group by session_date
    ),

    usable as (
        select session_date, count(*) as n_labels
        from labels.direction
        where is_closed and label is not null
        group by session_date
    )

select session_date, n_folds, n_rows, n_labels
from tested
left join usable using (session_date)
where n_folds > 1 or n_rows is distinct from n_labels
order by session_date;
