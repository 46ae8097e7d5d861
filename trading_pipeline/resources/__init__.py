"""What Dagster gives the assets: settings, the warehouse, and the IO manager of their tables."""

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.resources.pipeline import (
    PID_TAG,
    PipelineResource,
    hold_home,
    open_home,
    open_warehouse,
)
from trading_pipeline.resources.queries import check_queries, composed_select, read_query
from trading_pipeline.resources.stage_run import StageRun, stage_run
from trading_pipeline.resources.studies import StudyAccess
from trading_pipeline.resources.tables import (
    PEAK_MEMORY,
    POOL,
    PREVIEW_ROWS,
    column_schema,
    frame_type,
    table_io_manager,
)
from trading_pipeline.resources.vendors import VendorAccess
from trading_pipeline.resources.watched_run import WatchedRun, WouldWriteError, watched_run

__all__ = [
    "PEAK_MEMORY",
    "PID_TAG",
    "POOL",
    "PREVIEW_ROWS",
    "MarketFolder",
    "PipelineResource",
    "StageRun",
    "StudyAccess",
    "VendorAccess",
    "Warehouse",
    "WatchedRun",
    "WouldWriteError",
    "check_queries",
    "column_schema",
    "composed_select",
    "frame_type",
    "hold_home",
    "open_home",
    "open_warehouse",
    "read_query",
    "stage_run",
    "table_io_manager",
    "watched_run",
]
