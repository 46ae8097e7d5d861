"""Requests to vendors: the only place where a run goes out to fetch.

source settings  ->  raw answers, bars.requests;  other bars assets read the folder made of them
"""

from collections.abc import Mapping

import dagster as dg
import pandas as pd

from trading_pipeline.assets.table_asset import RESOURCES, STEP_TAG, digest, table_asset
from trading_pipeline.contracts.steps import step_of
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.resources import POOL, StageRun, stage_run

# Earlier than any vendor's minute bars.
FIRST_MONTH = "2004-01-01"
MONTHS = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, end_offset=1)
RAW_PAGES = dg.AssetKey(["bars", "raw_pages"])
SOURCE_FETCHES_NOTHING = "the source is no vendor: nothing is fetched"


def fetched(run: StageRun) -> Mapping[str, str]:
    """Bring the raw answers up to date, and return what the ledger then holds."""
    if not run.is_vendor:
        return {"ledger": "none"}
    for note in run.fetch().notes:
        run.log.warning(note)
    return {"ledger": digest({"pages": run.requests()["sha256"].tolist()})}


@table_asset(
    "bars.requests",
    reads=("bars.raw_pages",),
    settings=("source",),
    kinds=("httpx", "duckdb"),
    fingerprint=fetched,
)
def requests(run: StageRun) -> TableResult:
    """Every answered page: what was asked of which vendor, and the raw answer it left."""
    table = run.requests()
    if not run.is_vendor:
        return TableResult(table, {"why empty": SOURCE_FETCHES_NOTHING})
    held = {
        name: f"{len(rows):,} pages, {int(rows.sum()):,} rows"
        for name, rows in table.groupby(table["vendor"] + " " + table["dataset"])["n_rows"]
    }
    megabytes = table.drop_duplicates("sha256")["n_bytes"].sum() / 1e6
    return TableResult(table, {**held, "raw megabytes": round(float(megabytes), 1)})


@dg.asset(
    key=RAW_PAGES,
    partitions_def=MONTHS,
    group_name="bars",
    kinds={"httpx"},
    pool=POOL,
    tags={STEP_TAG: step_of("bars.raw_pages").tag},
    required_resource_keys=RESOURCES,
    description=(
        "Raw minute bars, quotes and news of a vendor, by month. Choose months and materialize: "
        "what the ledger holds is not fetched again. The weekly run needs no partition; it "
        "fetches whatever is missing."
    ),
)
def raw_pages(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Fetch the chosen months."""
    run = stage_run(context, "bars.raw_pages")
    span = context.partition_time_window
    if not run.is_vendor:
        return dg.MaterializeResult(metadata={"why empty": SOURCE_FETCHES_NOTHING})
    last = pd.Timestamp(span.end) - pd.Timedelta(days=1)
    brought = run.fetch((span.start.date(), last.date()))
    return dg.MaterializeResult(
        metadata={
            "pieces fetched": brought.pieces,
            "pages": brought.pages,
            "rows": brought.rows,
            "notes": "; ".join(brought.notes) or "none",
        }
    )
