-- Sessions whose trades or sum are not those of the scores.
--
-- asset   selloffs.equity
-- grain   one row per offending (scanner, span, session_date)
-- reads   selloffs.equity, selloffs.scores, selloffs.events
-- note    counted anew from what the scores carry of the verdict's delay; to 1e-9 R

with
    offered as (
        select
            case when score.is_holdout then 'holdout' else 'oof' end as span,
            session_date,
            score.r_multiple,
            score.is_selected,
            score.risk_tier
        from selloffs.scores as score
        join selloffs.events as event using (symbol, session_date, rung)
        where score.is_first and event.quality = 'clean'
    ),

    sized as (
        select span, session_date, 'take_all' as scanner, r_multiple, 1.0 as size from offered
        union all
        select span, session_date, 'model', r_multiple, is_selected::double from offered
        union all
        select span, session_date, 'model_tiered', r_multiple, risk_tier from offered
    ),

    expected as (
        select
            scanner,
            span,
            session_date,
            count(*) filter (size > 0) as n_trades,
            sum(size * r_multiple) as r_net
        from sized
        group by scanner, span, session_date
    ),

    told as (
        select scanner, span, session_date, n_trades, r_net
        from selloffs.equity
        where scanner <> 'trivial'
    )

select scanner, span, session_date, told.n_trades, told.r_net, expected.r_net as r_expected
from expected
full join told using (scanner, span, session_date)
where told.n_trades is distinct from expected.n_trades
    or abs(told.r_net - expected.r_net) > 1e-9
order by scanner, span, session_date;
