"""What the drift sensor decides on a tick; the whole loop around it is in `test_loop`."""

import subprocess
import sys
from uuid import uuid4

import dagster as dg
import pandas as pd
import pytest

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.sensors import drift_sensor
from trading_pipeline.contracts.provenance import Provenance

PROVENANCE = Provenance("run", "code", "data", "config", "inputs")
FIRST, SECOND = "model-a:2020-01-06", "model-a:2020-02-10"


@pytest.fixture
def warehouse(tmp_path):
    warehouse = Warehouse(tmp_path, threads=1, memory_gb=1.0, lock_wait_seconds=10)
    warehouse.migrate()
    return warehouse


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def ingest(warehouse, content):
    """Let the ledger say that the daily bars now have this content."""
    with warehouse.writer() as connection:
        connection.execute(
            "insert into provenance.materializations values"
            " ('bars.daily', 'i', 'c', 'v', $content, 1, 0.0, '{}', 'run', $now)",
            {"content": content, "now": pd.Timestamp.now(tz="UTC").to_pydatetime()},
        )


def write_episodes(warehouse, states):
    frame = pd.DataFrame(
        [
            {
                "episode_id": episode,
                "model_version": "model-a",
                "opened_date": pd.Timestamp(episode.split(":")[1]),
                "reason": "features",
                "share_drifted": 0.5,
                "last_date": pd.Timestamp(episode.split(":")[1]),
                "state": state,
            }
            for episode, state in states.items()
        ]
    )
    warehouse.replace("drift.episodes", frame, PROVENANCE)


def tick(warehouse, instance, cursor=None):
    """Evaluate the sensor once, as the daemon does."""
    with dg.build_sensor_context(instance=instance, cursor=cursor) as context:
        return drift_sensor(warehouse.home)(context)


def test_a_home_without_a_warehouse_is_skipped(tmp_path, instance):
    result = drift_sensor(tmp_path / "new")(dg.build_sensor_context(instance=instance))

    assert isinstance(result, dg.SkipReason)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("state", ["cooled", "promoted"])
def test_a_closed_episode_asks_for_nothing(warehouse, instance, state):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: state})

    assert tick(warehouse, instance).skip_message == "no open drift episode"
    assert warehouse.read("select * from drift.requests").empty


def test_an_open_episode_asks_once_and_writes_it_down(warehouse, instance):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})

    asked = tick(warehouse, instance)
    later = tick(warehouse, instance, cursor=asked.cursor)

    (request,) = asked.run_requests
    assert request.tags["trading_pipeline/episode"] == FIRST
    assert asked.cursor == FIRST
    assert isinstance(later, dg.SkipReason)
    row = warehouse.read("select * from drift.requests").iloc[0]
    assert (row.episode_id, row.run_key, row.bars_version) == (FIRST, request.run_key, "bars-1")


def test_a_daemon_killed_before_its_cursor_asks_again_under_the_same_key(warehouse, instance):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})
    (lost,) = tick(warehouse, instance).run_requests
    ingest(warehouse, "bars-2")

    (again,) = tick(warehouse, instance, cursor=None).run_requests

    assert again.run_key == lost.run_key
    assert len(warehouse.read("select * from drift.requests")) == 1


def ended(instance, request, status):
    """Let the daemon's run of a request end."""
    instance.add_run(
        dg.DagsterRun(
            job_name="weekly_retrain", run_id=str(uuid4()), tags=request.tags, status=status
        )
    )


def test_a_retrain_that_failed_is_asked_for_once_more_and_then_left_to_saturday(
    warehouse, instance
):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})
    (first,) = tick(warehouse, instance).run_requests
    ended(instance, first, dg.DagsterRunStatus.FAILURE)

    (second,) = tick(warehouse, instance, cursor=FIRST).run_requests
    (again,) = tick(warehouse, instance, cursor=FIRST).run_requests
    ended(instance, second, dg.DagsterRunStatus.FAILURE)
    last, without_cursor = (tick(warehouse, instance, cursor=cursor) for cursor in (FIRST, None))

    assert first.run_key.endswith(":1")
    assert second.run_key.endswith(":2")
    assert again.run_key == second.run_key
    for skipped in (last, without_cursor):
        assert skipped.skip_message == f"episode {FIRST} has had its retrain"
    assert len(warehouse.read("select * from drift.requests")) == 1


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS])
def test_a_retrain_that_runs_or_ran_is_not_asked_for_again(warehouse, instance, status):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})
    (first,) = tick(warehouse, instance).run_requests
    ended(instance, first, status)

    assert isinstance(tick(warehouse, instance, cursor=FIRST), dg.SkipReason)


def test_one_data_version_gets_at_most_one_retrain(warehouse, instance):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})
    tick(warehouse, instance)
    write_episodes(warehouse, {FIRST: "cooled", SECOND: "open"})

    same_data = tick(warehouse, instance, cursor=FIRST)
    ingest(warehouse, "bars-2")
    (request,) = tick(warehouse, instance, cursor=FIRST).run_requests

    assert same_data.skip_message == "a retrain was already asked for on these data"
    assert request.tags["trading_pipeline/episode"] == SECOND


def test_a_busy_warehouse_is_asked_at_the_next_tick(warehouse, instance, monkeypatch):
    ingest(warehouse, "bars-1")
    write_episodes(warehouse, {FIRST: "open"})
    monkeypatch.setattr("trading_pipeline.automation.sensors.TICK_WAIT_SECONDS", 0.2)
    held = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True);"
        " sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(warehouse.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout.readline().strip() == b"held"
        busy = tick(warehouse, instance)
        other.stdin.close()

    assert busy.skip_message.startswith("the warehouse is busy")
    assert tick(warehouse, instance).run_requests
