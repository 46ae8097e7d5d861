"""Assembly of the code location: assets, checks, jobs, schedules, sensors and their resources."""

from pathlib import Path

import dagster as dg

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.assets import all_asset_checks, all_assets
from trading_pipeline.automation.jobs import (
    backfill_months,
    daily_schedule,
    daily_update,
    resolve_outcomes,
    resolve_schedule,
    weekly_retrain,
    weekly_schedule,
)
from trading_pipeline.automation.sensors import drift_sensor
from trading_pipeline.contracts.ports import Progress, Silent
from trading_pipeline.reports.renderer import ReportRenderer
from trading_pipeline.resources import (
    PipelineResource,
    StudyAccess,
    VendorAccess,
    table_io_manager,
)
from trading_pipeline.settings import default_home, load_settings, sweeps_server, vendor_keys


def build_definitions(home: Path | None = None, progress: Progress | None = None) -> dg.Definitions:
    """Return the definitions of a home; by default the environment's home, watched by nobody."""
    home = home or default_home()
    return dg.Definitions(
        assets=all_assets(),
        asset_checks=all_asset_checks(),
        jobs=[weekly_retrain, daily_update, resolve_outcomes, backfill_months],
        schedules=[weekly_schedule, daily_schedule, resolve_schedule],
        sensors=[drift_sensor(home)],
        executor=dg.in_process_executor,
        resources={
            "pipeline": PipelineResource(home=str(home)),
            "tables": table_io_manager,
            "progress": progress or Silent(),
            "renderer": ReportRenderer(),
            "vendors": VendorAccess(vendor_keys),
            "studies": StudyAccess(sweeps_server),
        },
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Load the code location; a home without settings gets the defaults, so the UI can start."""
    home = default_home()
    store = ConfigStore(home)
    if not store.has_current():
        store.save(load_settings())
    return build_definitions(home)
