-- Every raw minute bar with the rule that refuses it, or none.
--
-- grain   one row per delivered row
-- reads   raw_minute (the source's rows), session_calendar (session_date, opens_at, closes_at)
-- params  none of its own; those of the two relations
-- units   prices USD, volume shares, instants UTC
-- note    within a file, equal copies collapse to one and copies that disagree are all refused;
--         between files the vendor order decides, then the file order

with
    placed as not materialized (
        select
            raw_minute.*,
            session_calendar.session_date,
            session_calendar.opens_at as session_opens_at,
            session_calendar.closes_at as session_closes_at
        from raw_minute
        left join session_calendar
            on session_calendar.session_date
            = (raw_minute.opens_at at time zone 'America/New_York')::date
    ),

    checked as not materialized (
        select
            *,
            case
                when symbol is null then 'missing_symbol'
                when opens_at is null then 'missing_ts'
                when session_date is null then 'not_a_session'
                when opens_at <> date_trunc('minute', opens_at) then 'not_on_the_minute'
                when
                    open is null or high is null or low is null or close is null
                    or not (isfinite(open) and isfinite(high) and isfinite(low) and isfinite(close))
                    then 'missing_price'
                when least(open, high, low, close) <= 0 then 'not_positive'
                when volume < 0 then 'negative_volume'
                when volume is not null and not isfinite(volume) then 'missing_volume'
                when high < low * (1 - 1e-9) then 'high_below_low'
                when close > high * (1 + 1e-9) or close < low * (1 - 1e-9)
                    then 'close_outside_range'
                when open > high * (1 + 1e-9) or open < low * (1 - 1e-9)
                    then 'open_outside_range'
            end as refused_for
        from placed
    ),

    -- Copies are rare: only they pay for sorting.
    repeated as materialized (
        select symbol, opens_at
        from checked
        where refused_for is null
        group by symbol, opens_at
        having count(*) > 1
    ),

    contested as materialized (
        select
            checked.*,
            row_number() over in_file as nth_in_file,
            count(*) over (
                partition by checked.symbol, checked.opens_at, source_file
            ) as n_in_file,
            count(*) over (
                partition by
                    checked.symbol, checked.opens_at, source_file, open, high, low, close, volume
            ) as n_equal
        from checked
        semi join repeated
            on checked.symbol = repeated.symbol and checked.opens_at = repeated.opens_at
        where refused_for is null
        window in_file as (
            partition by checked.symbol, checked.opens_at, source_file
            order by open, high, low, close, volume
        )
    ),

    standing as (
        select
            *,
            row_number() over preferred as place,
            first_value(open) over preferred as winning_open,
            first_value(high) over preferred as winning_high,
            first_value(low) over preferred as winning_low,
            first_value(close) over preferred as winning_close,
            first_value(vendor) over preferred as winning_vendor
        from contested
        where n_in_file = n_equal and nth_in_file = 1
        window preferred as (
            partition by symbol, opens_at
            order by vendor_rank, file_rank, source_file, vendor
        )
    )

select checked.* exclude (refused_for), refused_for as reason
from checked
anti join repeated
    on checked.symbol = repeated.symbol
    and checked.opens_at = repeated.opens_at
    and refused_for is null

union all by name

select
    contested.* exclude (refused_for, nth_in_file, n_in_file, n_equal),
    case when n_equal < n_in_file then 'duplicate_disagrees' else 'duplicate_collapsed' end
        as reason
from contested
where n_equal < n_in_file or nth_in_file > 1

union all by name

select
    standing.* exclude (
        refused_for, nth_in_file, n_in_file, n_equal, place,
        winning_open, winning_high, winning_low, winning_close, winning_vendor
    ),
    case
        when place = 1 then null
        when
            greatest(
                abs(open / winning_open - 1), abs(high / winning_high - 1),
                abs(low / winning_low - 1), abs(close / winning_close - 1)
            ) <= 1e-6 then 'duplicate_collapsed'
        when vendor = winning_vendor then 'file_disagreement'
        else 'vendor_disagreement'
    end as reason
from standing;
