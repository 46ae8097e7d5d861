-- Quotes that were refused, each with its reason; equal copies as one line per file and symbol.
--
-- grain   one row per refused row; per file and symbol where nothing was lost
-- reads   judged_quotes
-- params  none of its own
-- units   ts UTC; bid and offer stand in detail, for a quote has no open, high, low or close

select
    source_file,
    'bars.quotes' as target,
    symbol,
    opens_at at time zone 'UTC' as ts,
    null::double as open,
    null::double as high,
    null::double as low,
    null::double as close,
    null::double as volume,
    reason,
    format(
        'bid {} x {}, ask {} x {}',
        coalesce(bid_close::varchar, 'missing'), coalesce(bid_size::varchar, 'missing'),
        coalesce(ask_close::varchar, 'missing'), coalesce(ask_size::varchar, 'missing')
    ) as detail
from judged_quotes
where reason <> 'duplicate_collapsed'

union all by name

select
    source_file,
    'bars.quotes' as target,
    symbol,
    min(opens_at) at time zone 'UTC' as ts,
    reason,
    count(*) || ' rows equal to rows that were kept' as detail
from judged_quotes
where reason = 'duplicate_collapsed'
group by source_file, symbol, reason
order by source_file, symbol, ts, reason;
