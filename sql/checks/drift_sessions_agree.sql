-- Sessions whose share, threshold, run and flag contradict each other.
--
-- asset   drift.sessions
-- grain   one row per offending (model_version, session)
-- reads   drift.sessions
-- note    not assessable is never beyond

with
    in_order as (
        select
            *,
            lag(n_running, 1, 0) over (partition by model_version order by session) as n_before,
            count(*) over (partition by model_version, session) as n_rows
        from drift.sessions
    )

select model_version, session, share_drifted, share_threshold, is_beyond, n_running, age_sessions
from in_order
where share_drifted not between 0 and 1
    or is_beyond <> coalesce(share_drifted > share_threshold, false)
    or n_running <> if(is_beyond, n_before + 1, 0)
    or age_sessions < 0
    or n_rows > 1
order by model_version, session;
