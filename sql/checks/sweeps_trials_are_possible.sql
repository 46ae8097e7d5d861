-- Trials told twice, in an unknown state, with a score that does not fit it, or without a duration.
--
-- asset   sweeps.trials
-- grain   one row per offending row of sweeps.trials
-- reads   sweeps.trials

select learner, block, trial, state, auc, turnover, profit_frac, best_round, seconds
from sweeps.trials
where state not in ('complete', 'pruned', 'failed')
    or (state = 'complete') <> (best_round is not null)
    or auc is not null and not isnan(auc) and (state <> 'complete' or auc not between 0 and 1)
    or turnover is not null and not isnan(turnover)
        and (state <> 'complete' or turnover not between 0 and 2.000001)
    or profit_frac is not null and not isnan(profit_frac)
        and (state <> 'complete' or profit_frac > gross_frac or gross_frac is null)
    or origin is not null and origin not in ('default', 'incumbent', 'rotation', 'sampler')
    or best_round < 1
    or n_rows < 1
    or seconds < 0
union all
select learner, block, trial, state, auc, turnover, profit_frac, best_round, seconds
from sweeps.trials
qualify count(*) over (partition by learner, block, trial) > 1
order by learner, block, trial;
