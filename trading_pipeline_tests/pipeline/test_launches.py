"""One path: command line, UI and schedule launch the same job and leave the same tables.

The folder is one a user might bring: other file names, CSV, one vendor, no VIX, no minutes.
"""

import datetime as dt
import subprocess
import sys
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd
import pytest
from dagster._utils.schedules import cron_string_iterator as schedule_iterator

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.automation.jobs import daily_schedule, resolve_schedule, weekly_schedule
from trading_pipeline.automation.launch import open_instance
from trading_pipeline.automation.server import dagster_server, is_loaded
from trading_pipeline.definitions import build_definitions
from trading_pipeline.settings import HOME_VARIABLE, load_settings, top_level_file
from trading_pipeline_tests.pipeline.homes import (
    ROOT,
    SMALLEST,
    Home,
    call,
    computed_tables,
    environment,
    simulate,
    start,
)
from trading_pipeline_tests.pipeline.kills import N_TABLES

# One worker: the tests share what is dear to make.
pytestmark = pytest.mark.xdist_group("one home")

NEW_YORK = ZoneInfo("America/New_York")
JOB = "weekly_retrain"
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
  }
}
"""


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory):
    """A market as CSV under names of its own; nothing but daily bars and a manifest."""
    base = tmp_path_factory.mktemp("odd")
    made = simulate(base / "made", "--seed", "11", "--symbols", "8", "--sessions", "300")
    bars = pd.concat(map(pd.read_parquet, sorted((made / "daily").glob("*.parquet"))))
    bars = bars[["ts", "symbol", "close", "open", "high", "low", "volume"]]
    bars = bars.assign(ts=pd.to_datetime(bars["ts"]).dt.strftime("%Y-%m-%d"))
    folder = base / "brought"
    (folder / "daily").mkdir(parents=True)
    middle = bars["ts"].sort_values().iloc[len(bars) // 2]
    parts = {"until middle.csv": bars["ts"] <= middle, "z-rest.csv": bars["ts"] > middle}
    for name, rows in parts.items():
        bars[rows].sample(frac=1.0, random_state=3).to_csv(folder / "daily" / name, index=False)
    entries = [f'[files."daily/{name}"]\nvendor = "acme"\nprices = "split"\n' for name in parts]
    (folder / "market.toml").write_text('index_symbol = "SIMX"\n\n' + "\n".join(entries))
    return folder


@pytest.fixture(scope="module")
def make_home(tmp_path_factory, odd_folder):
    """Return a home of a name; unless it is the command line's own, its settings are stored."""
    base = tmp_path_factory.mktemp("ways")
    settings = base / "smallest.toml"
    settings.write_text(SMALLEST)

    def make(name, *, with_settings):
        home = Home(base / name, odd_folder, settings)
        if with_settings:
            flags = {"source": {"kind": "files", "data": str(odd_folder)}}
            ConfigStore(home.path).save(
                load_settings(config_file=settings, flags=flags, environment={})
            )
        return home

    return make


@pytest.fixture(scope="module")
def launched(make_home):
    """Two homes, run at the same time: from the command line, and by the schedule's request.

    Returns (home of the command line, home of the schedule, the schedule's run).
    """
    by_hand = make_home("command", with_settings=False)
    run = start(*by_hand.words)
    try:
        scheduled = make_home("schedule", with_settings=True)
        done = run_of_schedule(scheduled)
        output = run.communicate(timeout=540)[0]
    finally:
        run.kill()
    assert run.returncode == 0, output
    return by_hand, scheduled, done


def run_of_schedule(home):
    """Evaluate a Saturday's tick and run its request, as the daemon does."""
    definitions = build_definitions(home.path)
    instance = open_instance(home.path, top_level_file("dagster.yaml"))
    try:
        context = dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=dt.datetime(2024, 1, 6, 21, tzinfo=NEW_YORK),
            repository_def=definitions.get_repository_def(),
        )
        (request,) = weekly_schedule.evaluate_tick(context).run_requests
        return definitions.resolve_job_def(JOB).execute_in_process(
            run_config=request.run_config, tags=request.tags, instance=instance
        )
    finally:
        instance.dispose()


@pytest.fixture(scope="module")
def by_command(launched):
    """The home after a run from the command line."""
    return launched[0]


def test_the_command_line_runs_a_folder_without_vix_and_minutes(by_command):
    result = by_command.result
    assert result["selloffs"] is None
    assert any(note.startswith("selloffs: no minute bars") for note in result["notes"])
    assert result["data"]["minute_rows"] == 0
    assert result["holdout"]["rows"] > 0
    vendors = by_command.warehouse.read("select distinct vendor from bars.daily")["vendor"]
    assert vendors.tolist() == ["acme"]
    assert by_command.warehouse.read("from bars.vix").empty


@pytest.mark.long
def test_the_ui_leaves_the_tables_of_the_command_line(by_command, make_home, monkeypatch):
    home = make_home("ui", with_settings=True)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    with dagster_server(home.path) as server:
        server.wait("the code location", lambda: is_loaded(server), 120)
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "trading_pipeline",
            "jobName": JOB,
        }
        params = {"selector": selector, "mode": "default", "runConfigData": {}}
        launched = server.ask(LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run_id = launched["run"]["runId"]

        def ended():
            status = server.run_status(run_id)
            return status if status in ("SUCCESS", "FAILURE", "CANCELED") else None

        assert server.wait("the end of the run", ended, 300) == "SUCCESS"
    assert home.contents() == by_command.contents()
    assert home.contents(with_provenance=True) == by_command.contents(with_provenance=True)


def test_the_schedule_leaves_the_tables_of_the_command_line(launched):
    by_command, scheduled, done = launched
    assert done.success
    assert done.dagster_run.tags["dagster/schedule_name"] == weekly_schedule.name
    assert scheduled.contents() == by_command.contents()
    assert scheduled.contents(with_provenance=True) == by_command.contents(with_provenance=True)


@pytest.mark.parametrize(
    ("schedule", "job", "after", "ticks"),
    [
        # Both weeks that change the clocks: 21:00 stays 21:00 in New York.
        (weekly_schedule, JOB, "2024-03-06", ["2024-03-09T21:00-05:00", "2024-03-16T21:00-04:00"]),
        (weekly_schedule, JOB, "2024-10-30", ["2024-11-02T21:00-04:00", "2024-11-09T21:00-05:00"]),
        (
            daily_schedule,
            "daily_update",
            "2024-03-08",
            ["2024-03-08T18:30-05:00", "2024-03-11T18:30-04:00"],
        ),
    ],
)
def test_a_schedule_ticks_by_the_clock_of_new_york(schedule, job, after, ticks):
    moment = dt.datetime.fromisoformat(after).replace(tzinfo=NEW_YORK)
    coming = schedule_iterator(moment.timestamp(), schedule.cron_schedule, NEW_YORK.key)
    assert schedule.execution_timezone == NEW_YORK.key
    assert schedule.job_name == job
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert [next(coming) for _ in ticks] == [dt.datetime.fromisoformat(tick) for tick in ticks]


def test_outcomes_are_resolved_every_day_at_four_utc():
    moment = dt.datetime(2024, 3, 9, tzinfo=dt.UTC).timestamp()
    coming = schedule_iterator(moment, resolve_schedule.cron_schedule, "UTC")
    assert (resolve_schedule.execution_timezone, resolve_schedule.job_name) == (
        "UTC",
        "resolve_outcomes",
    )
    assert resolve_schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    expected = ["2024-03-09T04:00+00:00", "2024-03-10T04:00+00:00"]
    assert [next(coming) for _ in expected] == [dt.datetime.fromisoformat(at) for at in expected]


def test_the_definitions_load_without_a_warning_of_ours(tmp_path):
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "warnings.filterwarnings('default', module=r'(?!trading_pipeline)')\n"
        "from trading_pipeline.definitions import defs\n"
        "dg = defs()\n"
        "dg.resolve_all_job_defs()\n"
        "print(len(dg.resolve_asset_graph().materializable_asset_keys))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(**{HOME_VARIABLE: str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # The raw pages of chosen months belong to no scheduled run.
    assert done.stdout.strip() == str(N_TABLES + 1)
    assert "Warning" not in done.stderr


@pytest.mark.long
def test_a_past_run_is_repeated_from_its_stored_settings(by_command):
    first = by_command.contents()
    version = ConfigStore(by_command.path).load().version
    dearer = {"TRADING_PIPELINE_BACKTEST__HALF_SPREAD_BPS": "25"}
    output = by_command.run(**dearer)
    assert "backtest.summary" in computed_tables(output)
    assert not {"features.daily", "sweeps.lightgbm", "ensemble.model"} & computed_tables(output)
    assert by_command.contents()["backtest.summary"] != first["backtest.summary"]
    assert ConfigStore(by_command.path).load().version != version
    again = call("retrain", "--from-config", version, "--home", by_command.path)
    assert again.returncode == 0, again.stderr
    assert ConfigStore(by_command.path).load().version == version
    assert by_command.contents() == first
