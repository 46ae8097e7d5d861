-- Winners that are no complete trial of their search, and learners that lack a block of the others.
--
-- asset   sweeps.best
-- grain   one row per offending row of sweeps.best
-- reads   sweeps.best, sweeps.trials

select best.learner, best.block, best.trial
from sweeps.best as best
    left join sweeps.trials as trials using (learner, block, trial)
where trials.state is distinct from 'complete'
    or trials.params_json <> best.params_json
    or trials.auc <> best.auc
    or trials.gross_frac <> best.gross_frac
    or trials.turnover <> best.turnover
    or (select count(distinct block) from sweeps.best)
        <> (select count(distinct own.block) from sweeps.best as own
            where own.learner = best.learner)
order by best.learner, best.block;
