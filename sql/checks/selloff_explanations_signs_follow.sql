-- Signs that their intervals do not bear, and flips that no other assessable regime contradicts.
--
-- asset   selloffs.explanations
-- grain   one row per offending (learner, feature, regime)
-- reads   selloffs.explanations

with
    contradicted as (
        select
            own.*,
            own.regime not in ('all', 'unknown')
            and exists (
                select 1 from selloffs.explanations as other
                where other.learner = own.learner
                    and other.feature = own.feature
                    and other.regime not in ('all', 'unknown', own.regime)
                    and other.is_assessable
                    and other.sign = -own.sign
                    and own.sign <> 0
            ) as has_opposite
        from selloffs.explanations as own
    )

select learner, feature, regime, relation, relation_low, relation_high, sign, is_flipped
from contradicted
where relation not between -1 and 1
    or (sign is not null and not is_assessable)
    or (sign = 1 and not relation_low > 0)
    or (sign = -1 and not relation_high < 0)
    or (sign = 0 and (relation_low > 0 or relation_high < 0))
    or is_flipped <> coalesce(has_opposite and is_assessable, false)
order by learner, feature, regime;
