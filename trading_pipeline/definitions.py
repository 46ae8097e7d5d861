"""Assembly of the code location: assets, checks, jobs, schedules, sensors and their resources."""

from pathlib import Path

import dagster as dg

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.assets import all_asset_checks, all_assets
from trading_pipeline.automation.jobs import JOBS, SCHEDULES
from trading_pipeline.automation.scan_job import scan_schedule, scan_session_job
from trading_pipeline.automation.sensors import drift_sensor
from trading_pipeline.commands.scan_hooks import scan_today
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
    scan = scan_session_job(home, scan_today)
    return dg.Definitions(
        assets=all_assets(),
        asset_checks=all_asset_checks(),
        jobs=[*JOBS, scan],
        schedules=[*SCHEDULES, scan_schedule(scan)],
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
