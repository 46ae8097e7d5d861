-- Training labels that touch their fold's test block. Any row returned is a leak.
--
-- asset   splits.folds
-- grain   one row per offending (fold, symbol, session_date)
-- reads   splits.folds, labels.direction
-- note    written without the splitter's code, so the two must agree independently
-- params  $embargo_sessions  integer   quiet sessions after a test block

with
    spans as (
        select fold, role, symbol, session_date, session, start_session, end_session
        from splits.folds
        join labels.direction using (symbol, session_date)
    ),

    test_block as (
        select fold, min(session) as opens, max(end_session) as closes
        from spans
        where role = 'test'
        group by fold
    )

select fold, symbol, session_date, start_session, end_session, opens, closes
from spans
join test_block using (fold)
where role = 'train' and end_session >= opens and start_session <= closes + $embargo_sessions
order by fold, symbol, session_date;
