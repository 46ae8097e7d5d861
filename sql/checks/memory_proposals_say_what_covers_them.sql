-- Proposals that share a session with an event of the catalogue and hide it, or name one without.
--
-- asset   memory.proposals
-- grain   one row per offending (proposal, state)
-- reads   memory.proposals, memory.rare_events

select proposals.proposal, proposals.state, proposals.covered_by, min(events.event) as event
from memory.proposals as proposals
left join memory.rare_events as events
    on events.first_date <= proposals.last_date and events.last_date >= proposals.first_date
group by proposals.proposal, proposals.state, proposals.covered_by
having
    (proposals.covered_by is null) <> (count(events.event) = 0)
    or not coalesce(list_contains(list(events.event), proposals.covered_by), true)
order by proposals.proposal, proposals.state;
