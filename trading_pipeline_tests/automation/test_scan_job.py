"""The scan as a job of the orchestrator: it runs a session, marks its run, and skips holidays."""

from datetime import datetime
from zoneinfo import ZoneInfo

import dagster as dg
import pandas as pd

from trading_pipeline.automation.launch import LOCK_TAG, settle_dead_runs
from trading_pipeline.automation.scan_job import LIVE_LOCK, scan_schedule, scan_session_job
from trading_pipeline.automation.scan_loop import ScanSummary
from trading_pipeline.commands.scan_run import LIVE, lock_name
from trading_pipeline.definitions import build_definitions
from trading_pipeline.resources import PID_TAG, hold_home

DAY = pd.Timestamp("2024-03-05")
AT = pd.Timestamp("2024-03-05 21:00", tz="UTC")
SUMMARY = ScanSummary("scan-1", LIVE, DAY, AT, AT, 1.0, 5, 4, 3, 2, 1, 4, None)


def test_the_job_scans_today_and_tells_the_asset_what_came_of_it(tmp_path):
    asked = []

    def scan(home, say):
        asked.append(home)
        say("10:42 alert")
        return SUMMARY

    with dg.DagsterInstance.ephemeral() as instance:
        result = scan_session_job(tmp_path, scan).execute_in_process(instance=instance)
        assert result.success
        tags = instance.get_run_by_id(result.run_id).tags
        event = instance.get_latest_materialization_event(dg.AssetKey(["selloffs", "alerts"]))
    assert asked == [tmp_path]
    assert tags[LOCK_TAG] == LIVE_LOCK == lock_name(LIVE)
    assert PID_TAG in tags
    metadata = event.asset_materialization.metadata
    assert metadata["withheld"].value == 1
    assert metadata["model"].value == "none in service"


def test_a_scan_under_way_is_not_taken_for_dead_and_a_killed_one_is(tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        job = scan_session_job(tmp_path, lambda *_: SUMMARY)
        run = instance.create_run_for_job(
            job, status=dg.DagsterRunStatus.STARTED, tags={PID_TAG: "1", LOCK_TAG: LIVE_LOCK}
        )
        with hold_home(tmp_path, LIVE_LOCK):
            assert settle_dead_runs(instance, tmp_path) == []
        assert settle_dead_runs(instance, tmp_path) == [run.run_id]


def test_the_schedule_asks_for_each_session_once_and_is_off_until_turned_on(tmp_path):
    schedule = scan_schedule(scan_session_job(tmp_path, lambda *_: SUMMARY))
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    assert schedule.cron_schedule == "25 9 * * 1-5"

    def asked(text):
        at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York"))
        with dg.build_schedule_context(scheduled_execution_time=at) as context:
            return schedule.evaluate_tick(context)

    assert [r.run_key for r in asked("2024-03-05T09:25").run_requests] == ["scan:2024-03-05"]
    skipped = asked("2024-07-04T09:25")
    assert not skipped.run_requests
    assert "no session" in skipped.skip_message


def test_the_code_location_holds_job_schedule_and_asset(tmp_path):
    definitions = build_definitions(tmp_path)
    assert definitions.resolve_job_def("scan_session").name == "scan_session"
    assert definitions.get_schedule_def("scan_session_in_market_hours")
    graph = definitions.resolve_asset_graph()
    assert not graph.get(dg.AssetKey(["selloffs", "alerts"])).is_materializable
