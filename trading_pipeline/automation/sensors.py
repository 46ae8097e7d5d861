"""The drift sensor: each episode asks for one retrain, and each data version gets at most one."""

from pathlib import Path

import dagster as dg
import pandas as pd

from trading_pipeline.automation.jobs import weekly_retrain
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.resources import open_home, read_query

# A tick must not hold the daemon: a busy warehouse is asked again at the next one.
TICK_WAIT_SECONDS = 2.0


def drift_sensor(home: Path) -> dg.SensorDefinition:
    """Return the sensor on a home's `drift.episodes`.

    The run key is the episode, so Dagster itself launches it once even when the daemon dies
    between the request and the cursor; `drift.requests` holds one row per episode as well.
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
        run_key = f"drift:{episode.model_version}:{episode.episode_id}:1"
        if episode.is_requested:
            if context.cursor == episode.episode_id:
                return dg.SkipReason(f"episode {episode.episode_id} has its retrain already")
        elif episode.is_version_used:
            return dg.SkipReason("a retrain was already asked for on these data")
        else:
            try:
                warehouse.append("drift.requests", _request(episode, run_key))
            except WarehouseBusyError as error:
                return dg.SkipReason(f"the warehouse is busy: {error}")
        request = dg.RunRequest(
            run_key=run_key,
            tags={"trading_pipeline/episode": episode.episode_id, "trading_pipeline/why": "drift"},
        )
        return dg.SensorResult(run_requests=[request], cursor=episode.episode_id)

    return sensor


def _request(episode: pd.Series, run_key: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "episode_id": [episode.episode_id],
            "run_key": [run_key],
            "bars_version": [episode.bars_version],
            "requested_at": [pd.Timestamp.now(tz="UTC")],
        }
    )
