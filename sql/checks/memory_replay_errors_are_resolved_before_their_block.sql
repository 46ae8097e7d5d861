-- Errors whose outcome was not known before the fit they return to. Any row returned is a leak.
--
-- asset   memory.replay
-- grain   one row per offending (block, symbol, session_date)
-- reads   memory.replay, labels.direction, splits.folds, splits.holdout
-- note    written without the buffer's code: a block opens with the first label it tests, the
--         judged model's block is the hold-out

with
    opens as (
        select fold as block, min(session_date) as opens_on
        from splits.folds
        where role = 'test'
        group by fold
        union all
        select 0, holdout_start
        from splits.holdout
    )

select replay.block, replay.symbol, replay.session_date, labels.end_date, opens.opens_on
from memory.replay as replay
left join labels.direction as labels using (symbol, session_date)
left join opens using (block)
where
    labels.symbol is null
    or opens.opens_on is null
    or labels.end_date >= opens.opens_on
    or labels.end_session <> replay.end_session
    or labels.label is distinct from replay.label
order by replay.block, replay.symbol, replay.session_date;
