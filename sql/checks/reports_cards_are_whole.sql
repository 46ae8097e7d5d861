-- Cards that are missing, doubled, empty, or of another verdict than the gate's.
--
-- asset   reports.cards
-- grain   one row per offending model_version
-- reads   reports.cards, ensemble.deployed, gate.verdicts

with
    newest as (
        select
            (select any_value(model_version) from ensemble.deployed) as model_version,
            (select any_value(verdict) from gate.verdicts) as verdict
    )

select model_version, 'doubled' as why
from reports.cards
group by model_version
having count(*) > 1
union all
select model_version, 'empty'
from reports.cards
where position(model_version in card) = 0 or path = ''
union all
select newest.model_version, 'no card'
from newest
anti join reports.cards as cards on cards.model_version = newest.model_version
union all
select newest.model_version, 'other verdict'
from newest
join reports.cards as cards using (model_version)
where cards.verdict <> newest.verdict
union all
select model_version, 'no provenance'
from reports.cards
where run_id is null or code_version is null or data_version is null or config_version is null
order by model_version, why;
