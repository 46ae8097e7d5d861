-- Scanners whose trades or expectancy over a whole span are not those of the scores and outcomes.
--
-- asset   selloffs.backtest
-- grain   one row per offending (scanner, span)
-- reads   selloffs.backtest, selloffs.scores, selloffs.events
-- note    counted anew from what the scores carry of the verdict's delay; to 1e-9

with
    offered as (
        select
            case when score.is_holdout then 'holdout' else 'oof' end as span,
            score.r_multiple,
            score.is_selected,
            score.risk_tier
        from selloffs.scores as score
        join selloffs.events as event using (symbol, session_date, rung)
        where score.is_first and event.quality = 'clean'
    ),

    sized as (
        select span, 'take_all' as scanner, r_multiple, 1.0 as size from offered
        union all
        select span, 'model', r_multiple, case when is_selected then 1.0 else 0.0 end from offered
        union all
        select span, 'model_tiered', r_multiple, risk_tier from offered
    ),

    expected as (
        select
            scanner,
            span,
            count(*) as n_events,
            count(*) filter (size > 0) as n_trades,
            sum(size * r_multiple) / nullif(sum(size), 0) as expectancy_r
        from sized
        group by scanner, span
    ),

    told as (
        select scanner, span, n_events, n_trades, expectancy_r
        from selloffs.backtest
        where slice_kind = 'all' and scanner <> 'trivial'
    )

select scanner, span, told.n_trades, told.expectancy_r, expected.n_trades as n_expected
from expected
full join told using (scanner, span)
where told.n_events is distinct from expected.n_events
    or told.n_trades is distinct from expected.n_trades
    or (told.expectancy_r is null) <> (expected.expectancy_r is null)
    or abs(told.expectancy_r - expected.expectancy_r) > 1e-9
order by scanner, span;
