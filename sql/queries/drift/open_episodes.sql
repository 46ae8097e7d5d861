-- The newest open drift episode, and whether its retrain was asked for.
--
-- grain   at most one row
-- reads   drift.episodes, drift.requests, provenance.materializations
-- note    bars_version is the content of bars.daily: one retrain per data version

with
    bars as (
        select content_hash as bars_version
        from provenance.materializations
        where asset = 'bars.daily'
        order by written_at desc
        limit 1
    )

select
    episodes.episode_id,
    episodes.model_version,
    bars.bars_version,
    exists (
        from drift.requests as requests where requests.episode_id = episodes.episode_id
    ) as is_requested,
    exists (
        from drift.requests as requests where requests.bars_version = bars.bars_version
    ) as is_version_used
from drift.episodes as episodes
cross join bars
where episodes.state = 'open'
order by episodes.opened_date desc, episodes.episode_id
limit 1;
