-- Every prediction that no model had seen, and what followed: what a refit after the verdict may
-- learn from.
--
-- grain   one row per (symbol, session_date, learner)
-- reads   ensemble.oof, ensemble.holdout, outcomes.resolved, labels.direction
-- note    block 0 is the hold-out; its labels are closed, and the verdict on it has been given
-- note    block -1 is what was said live of sessions that neither of the two holds, the mean of
--         the models that spoke; a decision in both counts once

with
    base as (
        select symbol, session_date, session, block, learner, oof_probability, label
        from ensemble.oof
        where learner <> 'stack'
    ),

    judged as (
        select * from base
        union all
        select symbol, session_date, session, 0 as block, learner, probability, label
        from ensemble.holdout
        where learner in (select distinct learner from base)
    ),

    live as (
        select
            said.symbol,
            said.session_date,
            said.session,
            -1 as block,
            'live' as learner,
            avg(said.probability order by said.probability) as oof_probability,
            labels.label
        from outcomes.resolved as said
        join labels.direction as labels using (symbol, session_date)
        anti join judged using (symbol, session_date)
        where labels.label is not null
        group by all
    )

select * from judged
union all
select * from live
order by symbol, session, learner;
