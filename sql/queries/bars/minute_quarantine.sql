-- Minute bars that were refused, each with its reason; equal copies as one line per file and symbol.
--
-- grain   one row per refused row; per file and symbol where nothing was lost
-- reads   judged_minute
-- params  none of its own
-- units   prices USD, volume shares, ts UTC

select
    source_file,
    'bars.minute' as target,
    symbol,
    opens_at at time zone 'UTC' as ts,
    open,
    high,
    low,
    close,
    volume,
    reason,
    case reason
        when 'missing_symbol' then 'the row names no symbol'
        when 'missing_ts' then 'the row has no time'
        when 'not_a_session' then 'the exchange was closed on this date'
        when 'not_on_the_minute' then 'the bar does not start on a whole minute'
        when 'missing_price' then 'a price is missing'
        when 'not_positive' then 'a price is zero or negative'
        when 'negative_volume' then 'volume is below zero'
        when 'missing_volume' then 'volume is infinite'
        when 'high_below_low' then 'high lies below low'
        when 'close_outside_range' then 'close lies outside [low, high]'
        when 'open_outside_range' then 'open lies outside [low, high]'
        when 'duplicate_disagrees' then 'the file holds this bar more than once, with other values'
        when 'tick_reverted' then 'the close jumps and the next minute is back'
        when 'suspect_unconfirmed'
            then 'the close jumps and no minute of the session follows to confirm it'
        else 'a preferred file holds this bar with other prices'
    end as detail
from judged_minute
where reason <> 'duplicate_collapsed'

union all by name

select
    source_file,
    'bars.minute' as target,
    symbol,
    min(opens_at) at time zone 'UTC' as ts,
    null as open,
    null as high,
    null as low,
    null as close,
    null as volume,
    reason,
    count(*) || ' rows equal to rows that were kept' as detail
from judged_minute
where reason = 'duplicate_collapsed'
group by source_file, symbol, reason
order by source_file, symbol, ts, reason;
