-- Every raw quote with the rule that refuses it, or none.
--
-- grain   one row per delivered row
-- reads   raw_quotes (the source's rows), session_calendar (session_date, opens_at, closes_at)
-- params  none of its own; those of the two relations
-- units   prices USD, sizes shares, instants UTC
-- note    copies as in judged_minute.sql

with
    checked as not materialized (
        select
            raw_quotes.*,
            session_calendar.session_date,
            case
                when symbol is null then 'missing_symbol'
                when raw_quotes.opens_at is null then 'missing_ts'
                when session_calendar.session_date is null then 'not_a_session'
                when raw_quotes.opens_at <> date_trunc('minute', raw_quotes.opens_at)
                    then 'not_on_the_minute'
                when
                    bid_close is null or ask_close is null
                    or not (isfinite(bid_close) and isfinite(ask_close)) then 'missing_price'
                when least(bid_close, ask_close) <= 0 then 'not_positive'
                when ask_close < bid_close then 'crossed'
                when bid_size < 0 or ask_size < 0 then 'negative_size'
            end as refused_for
        from raw_quotes
        left join session_calendar
            on session_calendar.session_date
            = (raw_quotes.opens_at at time zone 'America/New_York')::date
    ),

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
            row_number() over (
                partition by checked.symbol, checked.opens_at, source_file
                order by bid_close, ask_close, bid_size, ask_size
            ) as nth_in_file,
            count(*) over (
                partition by checked.symbol, checked.opens_at, source_file
            ) as n_in_file,
            count(*) over (
                partition by
                    checked.symbol, checked.opens_at, source_file,
                    bid_close, ask_close, bid_size, ask_size
            ) as n_equal
        from checked
        semi join repeated
            on checked.symbol = repeated.symbol and checked.opens_at = repeated.opens_at
        where refused_for is null
    ),

    standing as (
        select
            *,
            row_number() over preferred as place,
            first_value(bid_close) over preferred as winning_bid,
            first_value(ask_close) over preferred as winning_ask,
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
        winning_bid, winning_ask, winning_vendor
    ),
    case
        when place = 1 then null
        when greatest(abs(bid_close / winning_bid - 1), abs(ask_close / winning_ask - 1)) <= 1e-6
            then 'duplicate_collapsed'
        when vendor = winning_vendor then 'file_disagreement'
        else 'vendor_disagreement'
    end as reason
from standing;
