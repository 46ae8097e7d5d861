-- Trades whose word and whose share of the fall recovered tell two stories.
--
-- asset   selloffs.outcomes
-- grain   one row per offending trade
-- reads   selloffs.outcomes, selloffs.events
-- note    the target's share of the fall is read off the target itself

select outcome.symbol, outcome.session_date, outcome.rung, outcome.entry_delay_minutes
from selloffs.outcomes as outcome
join selloffs.events as event using (symbol, session_date, rung)
where outcome.status = 'closed'
    and outcome.reversed <> (
        outcome.recovery_frac
        >= (outcome.target_price - event.low) / (event.session_open - event.low) - 1e-9
    )
order by all;
