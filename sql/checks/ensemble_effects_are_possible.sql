-- Effects that cannot be, a finding its interval does not tell, or a part without its whole.
--
-- asset   ensemble.effects
-- grain   one row per offending (switch, regime)
-- reads   ensemble.effects
-- params  $min_horizons  integer   fewest independent horizons of a score

select
    switch, regime, n_rows, n_sessions, n_horizons, is_assessable,
    auc_on, auc_off, difference, difference_low, difference_high, finding
from ensemble.effects as effects
where auc_on not between 0 and 1
    or auc_off not between 0 and 1
    or abs(auc_on - auc_off - difference) > 1e-9
    or (difference_low is null) <> (difference_high is null)
    or difference not between coalesce(difference_low, difference)
        and coalesce(difference_high, difference)
    or n_sessions > n_rows
    or is_assessable <> (n_horizons >= $min_horizons)
    or finding <> case
        when not is_assessable or difference_low is null then 'not assessable'
        when difference_low > 0 then 'helps'
        when difference_high < 0 then 'hurts'
        else 'unclear'
    end
    or (
        select count(*) from ensemble.effects as same
        where same.switch = effects.switch and same.regime = effects.regime
    ) > 1
    or not exists (
        select 1 from ensemble.effects as whole
        where whole.switch = effects.switch and whole.regime = 'all'
            and whole.n_rows >= effects.n_rows and whole.acts = effects.acts
    )
order by switch, regime;
