"""The live scan as a Dagster job: one run a session, from before the open until the close."""

import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pandas as pd

from trading_pipeline.automation.launch import LOCK_TAG
from trading_pipeline.automation.scan_loop import TABLE, ScanSummary
from trading_pipeline.domain.bars.sessions import session_ordinals
from trading_pipeline.resources import PID_TAG

NEW_YORK = "America/New_York"
LIVE_LOCK = "scan-live.lock"
# Scans the session of today to its end; what it has to say goes to the second argument.
ScanToday = Callable[[Path, Callable[[str], None]], ScanSummary]


def scan_session_job(home: Path, scan: ScanToday) -> dg.JobDefinition:
    """Return the job that scans today's session of a home.

    It holds the scan's lock and not the home's: other runs may work beside it.
    """

    @dg.op(description="Scan today's session for selloffs until it closes.")
    def scan_session_live(context: dg.OpExecutionContext) -> None:
        tags = {PID_TAG: str(os.getpid()), LOCK_TAG: LIVE_LOCK}
        context.instance.add_run_tags(context.run_id, tags)
        summary = scan(home, context.log.info)
        metadata: dict[str, str | int] = {
            "scan": summary.scan_id,
            "session": f"{summary.session_date:%Y-%m-%d}",
            "falls": summary.n_events,
            "alerts": summary.n_alerts,
            "alerts with risk": summary.n_signals,
            "withheld": summary.n_withheld,
            "model": summary.model_version or "none in service",
        }
        context.log_event(dg.AssetMaterialization(TABLE.split("."), metadata=metadata))

    @dg.job(
        name="scan_session",
        description="The live selloff scanner: from 9:25 New York until the session closes. It"
        " takes the queue's one place for runs meanwhile.",
    )
    def job() -> None:
        scan_session_live()

    return job


def scan_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule: five minutes before the open of each session; off until turned on."""

    @dg.schedule(
        name="scan_session_in_market_hours",
        job=job,
        cron_schedule="25 9 * * 1-5",
        execution_timezone=NEW_YORK,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Each session at 9:25 New York. Needs a vendor as source, and its key.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        at = pd.Timestamp(context.scheduled_execution_time).tz_convert(NEW_YORK)
        day = at.tz_localize(None).normalize()
        if session_ordinals(pd.DatetimeIndex([day]))[0] < 0:
            return dg.SkipReason(f"{day:%Y-%m-%d} is no session of the exchange")
        return dg.RunRequest(run_key=f"scan:{day:%Y-%m-%d}")

    return schedule
