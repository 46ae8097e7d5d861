-- Proposals that stand more than once in one state.
--
-- asset   memory.proposals
-- grain   one row per repeated (proposal, state)
-- reads   memory.proposals

select proposal, state, count(*) as n_rows
from memory.proposals
group by all
having count(*) > 1
order by proposal, state;
