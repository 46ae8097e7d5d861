-- Every raw minute bar with the rule that refuses it, or none.
--
-- grain   one row per delivered row
-- reads   raw_minute (the source's rows), session_calendar (session_date, opens_at, closes_at)
-- params  $suspect_jump_ratio  1, a close-to-close jump from here on waits for the next minute
--         those of the two relations
-- units   prices USD, volume shares, instants UTC
-- note    within a file, equal copies collapse to one and copies that disagree are all refused;
--         between files the vendor order decides, then the file order. A jump is judged as for
--         daily bars, among the bars of one symbol and session: the next bar reverts it, and it was
--         a tick, or confirms it, and it is known when that bar is (confirmed_at). The last bar of
--         a session has no judge and stays withheld; the first has nothing to jump from

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
    ),

    settled as not materialized (
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
        from standing
    ),

    -- Jumps are rarer still: only their sessions pay for sorting.
    wild as materialized (
        select symbol, session_date
        from checked
        where refused_for is null
        group by symbol, session_date
        having max(close) >= $suspect_jump_ratio * min(close)
    ),

    neighbours as (
        select
            settled.*,
            lag(close, 2) over bar as close_before_last,
            lag(close) over bar as last_close,
            lead(close) over bar as next_close,
            lead(settled.opens_at) over bar + interval 1 minute as next_closes_at
        from settled
        semi join wild
            on settled.symbol = wild.symbol and settled.session_date = wild.session_date
        where reason is null
        window bar as (partition by settled.symbol, settled.session_date order by settled.opens_at)
    ),

    jumps as (
        select
            *,
            greatest(close / last_close, last_close / close) >= $suspect_jump_ratio
            -- The minute after a tick jumps back to where the symbol was: that is no jump.
            and not coalesce(
                greatest(close / close_before_last, close_before_last / close)
                < $suspect_jump_ratio
                and greatest(last_close / close_before_last, close_before_last / last_close)
                >= $suspect_jump_ratio,
                false
            ) as is_suspect,
            abs(ln(next_close / close)) < abs(ln(next_close / last_close)) as is_confirmed
        from neighbours
    )

select settled.*, null::timestamptz as confirmed_at
from settled
anti join wild
    on settled.symbol = wild.symbol
    and settled.session_date = wild.session_date
    and settled.reason is null

union all by name

select
    jumps.* exclude (
        reason, close_before_last, last_close, next_close, next_closes_at, is_suspect, is_confirmed
    ),
    case
        when not coalesce(is_suspect, false) or is_confirmed then null
        when next_close is null then 'suspect_unconfirmed'
        else 'tick_reverted'
    end as reason,
    case when is_suspect and is_confirmed then next_closes_at end as confirmed_at
from jumps;
