"""What runs when: the weekly retrain, the daily update, and the nightly outcomes."""

from functools import reduce
from operator import or_

import dagster as dg

from trading_pipeline.assets.requests import RAW_PAGES
from trading_pipeline.assets.table_asset import STEP_TAG
from trading_pipeline.contracts.steps import step_of

NEW_YORK = "America/New_York"
# Months are chosen by hand; the other jobs fetch whatever is missing, without partitions.
UNPARTITIONED = dg.AssetSelection.all() - dg.AssetSelection.assets(RAW_PAGES)
# Falls are collected and watched daily; what fits their model, or follows from its fit, weekly.
FITTED = ("ensemble.model", "ensemble.validation", "gate.verdicts")
FALLS = dg.AssetSelection.groups("selloffs") - reduce(
    or_, (dg.AssetSelection.tag(STEP_TAG, step_of(table).tag) for table in FITTED)
)

weekly_retrain = dg.define_asset_job(
    "weekly_retrain",
    selection=UNPARTITIONED,
    description=(
        "The whole way: ingest, clean, regimes, archive, features, labels and splits, sampling, "
        "sweeps, ensemble, validation, gate, drift and report. What is up to date is reused."
    ),
)

daily_update = dg.define_asset_job(
    "daily_update",
    selection=(
        dg.AssetSelection.groups("bars", "regimes", "drift", "predictions", "outcomes")
        | FALLS
        | dg.AssetSelection.assets(
            ["features", "catalog"], ["features", "daily"], ["features", "intraday"]
        )
    )
    & UNPARTITIONED,
    description=(
        "New bars, their regimes and features, what the models in service say of them, what "
        "followed earlier words, and whether they have drifted; no training."
    ),
)

resolve_outcomes = dg.define_asset_job(
    "resolve_outcomes",
    selection=dg.AssetSelection.groups("outcomes"),
    description="Outcomes of the predictions whose label span has closed, by sector and symbol.",
)

backfill_months = dg.define_asset_job(
    "backfill_months",
    selection=dg.AssetSelection.assets(RAW_PAGES),
    description="Raw minute bars, quotes and news of chosen months; nothing is fetched twice.",
)

weekly_schedule = dg.ScheduleDefinition(
    name="weekly_retrain_saturday",
    target=weekly_retrain,
    cron_schedule="0 21 * * 6",
    execution_timezone=NEW_YORK,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every Saturday at 21:00 New York.",
)

daily_schedule = dg.ScheduleDefinition(
    name="daily_update_after_close",
    target=daily_update,
    cron_schedule="30 18 * * 1-5",
    execution_timezone=NEW_YORK,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Monday to Friday at 18:30 New York.",
)

resolve_schedule = dg.ScheduleDefinition(
    name="resolve_outcomes_at_night",
    target=resolve_outcomes,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 04:00 UTC.",
)

JOBS = (weekly_retrain, daily_update, resolve_outcomes, backfill_months)
SCHEDULES = (weekly_schedule, daily_schedule, resolve_schedule)
