-- Learners without exactly the five validation sets, or with a set from the wrong source.
--
-- asset   ensemble.validation
-- grain   one row per offending learner
-- reads   ensemble.validation

select learner, list(regime order by regime) as sets, list(source order by regime) as sources
from ensemble.validation
group by learner
having
    list(regime order by regime)
        <> ['crash', 'high_volatility', 'low_volatility', 'normal', 'recovery']
    or list(source order by regime) <> ['archive', 'window', 'window', 'window', 'archive']
order by learner;
