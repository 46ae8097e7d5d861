-- Proposals that are not one unbroken spell of stress, or whose evidence the regimes do not bear.
--
-- asset   memory.proposals
-- grain   one row per offending (proposal, state)
-- reads   memory.proposals, regimes.market

with
    held as (
        select
            proposals.proposal,
            proposals.state,
            count(*) as n_sessions,
            bool_and(regimes.regime in ('crash', 'high_volatility')) as is_stress,
            bool_or(regimes.regime = 'crash') as is_crash,
            min(regimes.drawdown_frac) as drawdown_frac,
            max(regimes.vix_close) as vix_peak,
            max(regimes.known_at) as known_at
        from memory.proposals as proposals
        join regimes.market as regimes
            on regimes.session_date between proposals.first_date and proposals.last_date
        group by proposals.proposal, proposals.state
    )

select proposals.proposal, proposals.state, proposals.first_date, proposals.last_date
from memory.proposals as proposals
left join held using (proposal, state)
where
    held.proposal is null
    or not held.is_stress
    or held.n_sessions <> proposals.n_sessions
    or held.is_crash <> (proposals.regime = 'crash')
    or held.drawdown_frac is distinct from proposals.drawdown_frac
    or held.vix_peak is distinct from proposals.vix_peak
    or proposals.state not in ('begun', 'ended')
    or proposals.rarity_frac not between 0 and 1
    -- An end is known by the calm session after it.
    or (proposals.state = 'begun' and proposals.known_at < held.known_at)
    or (proposals.state = 'ended' and proposals.known_at <= held.known_at)
order by proposals.proposal, proposals.state;
