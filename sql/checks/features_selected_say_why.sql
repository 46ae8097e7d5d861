-- Chosen features whose reason is another, features left out without one, and scores out of range.
--
-- asset   features.selected
-- grain   one row per offending row of features.selected
-- reads   features.selected

select block, feature, is_selected, reason, missing_frac, score, regime_score, importance
from features.selected
where is_selected <> (reason = 'kept')
    or reason not in ('kept', 'missing', 'constant', 'unstable', 'over the limit')
        and not starts_with(reason, 'duplicate of ')
        and not starts_with(reason, 'correlated with ')
    or missing_frac not between 0 and 1
    or score not between 0 and regime_score + 1e-12
    or regime_score > 0.5
    or coalesce(stability_z, 0) < 0
    or importance not between 0 and 1
order by block, feature;
