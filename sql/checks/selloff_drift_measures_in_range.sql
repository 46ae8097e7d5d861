-- Drift measures that cannot be, or a feature called drifted without one.
--
-- asset   selloffs.drift
-- grain   one row per offending (model_version, feature)
-- reads   selloffs.drift

select model_version, session_date, feature, psi, ks, threshold, is_drifted
from selloffs.drift
where psi < 0
    or ks not between 0 and 1
    or (is_drifted and (psi is null or threshold is null or psi <= threshold))
    or is_drifted <> (status = 'drifted')
    or (psi is null) <> (status = 'not_assessable')
union all
select model_version, max(session_date), feature, null, null, null, null
from selloffs.drift
group by model_version, feature
having count(*) > 1
order by model_version, feature;
