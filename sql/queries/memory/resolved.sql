-- Every prediction by base learners that no model had seen, and what followed: what a refit after
-- the verdict may learn from.
--
-- grain   one row per (symbol, session_date, learner)
-- reads   ensemble.oof, ensemble.holdout
-- note    block 0 is the hold-out; its labels are closed, and the verdict on it has been given

with
    base as (
        select symbol, session_date, session, block, learner, oof_probability, label
        from ensemble.oof
        where learner <> 'stack'
    )

select * from base
union all
select symbol, session_date, session, 0 as block, learner, probability, label
from ensemble.holdout
where learner in (select distinct learner from base)
order by symbol, session, learner
