"""The drift sensor: each episode asks for one retrain, and each data version gets at most one."""

from pathlib import Path

import dagster as dg
import pandas as pd

from trading_pipeline.automation.jobs import weekly_retrain
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.resources import open_home, read_query

# A tick must not hold the daemon: a busy warehouse is asked again at the next one.
TICK_WAIT_SECONDS = 2.0
EPISODE_TAG = "trading_pipeline/episode"
# A run that failed was no retrain; after this many the Saturday run is the next one.
MAX_ATTEMPTS = 2


def drift_sensor(home: Path) -> dg.SensorDefinition:
    """Return the sensor on a home's `drift.episodes`.

    The run key is the episode, so Dagster itself launches it once even when the daemon dies
    between the request and the cursor; `drift.requests` holds one row per episode as well. Where
    that run failed it is asked for once more, under a key of its own.
    """

    @dg.sensor(
        name="drift_retrain",
        target=weekly_retrain,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for one retrain per drift episode.",
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            warehouse = open_home(home, wait_seconds=TICK_WAIT_SECONDS)
            episodes = warehouse.read(read_query("drift/open_episodes"))
        except WarehouseBusyError as error:
            return dg.SkipReason(f"the warehouse is busy: {error}")
        except InputError as error:
            return dg.SkipReason(str(error))
        if episodes.empty:
            return dg.SkipReason("no open drift episode")
        episode = episodes.iloc[0]
        attempt = 1
        if episode.is_requested:
            failed = _failed_runs(context.instance, episode.episode_id)
            is_done = failed == 0 and context.cursor == episode.episode_id
            if is_done or failed >= MAX_ATTEMPTS:
                return dg.SkipReason(f"episode {episode.episode_id} has had its retrain")
            attempt += failed
        elif episode.is_version_used:
            return dg.SkipReason("a retrain was already asked for on these data")
        else:
            try:
                warehouse.append("drift.requests", _request(episode, _run_key(episode, attempt)))
            except WarehouseBusyError as error:
                return dg.SkipReason(f"the warehouse is busy: {error}")
        request = dg.RunRequest(
            run_key=_run_key(episode, attempt),
            tags={EPISODE_TAG: episode.episode_id, "trading_pipeline/why": "drift"},
        )
        return dg.SensorResult(run_requests=[request], cursor=episode.episode_id)

    return sensor


def _failed_runs(instance: dg.DagsterInstance, episode_id: str) -> int:
    """Return how many runs an episode has had where all of them failed, else 0."""
    runs = instance.get_runs(filters=dg.RunsFilter(tags={EPISODE_TAG: episode_id}))
    failed = [run for run in runs if run.status == dg.DagsterRunStatus.FAILURE]
    return len(failed) if len(failed) == len(runs) else 0


def _run_key(episode: pd.Series, attempt: int) -> str:
    return f"drift:{episode.model_version}:{episode.episode_id}:{attempt}"


def _request(episode: pd.Series, run_key: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "episode_id": [episode.episode_id],
            "run_key": [run_key],
            "bars_version": [episode.bars_version],
            "requested_at": [pd.Timestamp.now(tz="UTC")],
        }
    )
