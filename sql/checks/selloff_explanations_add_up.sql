-- Importance that cannot be: negative, shares that miss one, or ranks that do not count down from it.
--
-- asset   selloffs.explanations
-- grain   one row per offending (learner, regime)
-- reads   selloffs.explanations
-- note    shares are nothing where no feature moves the learner at all

select learner, regime, count(*) as n_features, sum(share_frac) as share, max(rank) as last_rank
from selloffs.explanations
group by learner, regime
having
    min(importance) < 0
    or (sum(importance) > 0 and abs(sum(share_frac) - 1) > 1e-6)
    or count(distinct feature) <> count(*)
    or count(distinct rank) <> count(*)
    or min(rank) <> 1
    or max(rank) <> count(*)
    or arg_max(importance, -rank) < max(importance)
    or count(distinct n_rows) > 1
order by learner, regime;
