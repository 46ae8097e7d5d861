"""Selloffs stage: intraday falls past a rung.

bars.minute, bars.universe  ->  selloffs.events
"""

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.resources import StageRun


@table_asset(
    "selloffs.events",
    reads=("bars.minute", "bars.universe"),
    settings=("selloffs",),
    kinds=("duckdb",),
)
def events(run: StageRun) -> TableResult:
    """First regular minute of a session whose low reaches each rung below the open."""
    rungs = list(run.config.selloffs.rungs)
    found = run.query("selloffs/events", rungs=rungs)
    by_rung = found["rung"].value_counts()
    return TableResult(
        found,
        {
            "rungs": ", ".join(f"{rung:.0%}" for rung in rungs),
            **{f"events {rung:.0%}": int(by_rung.get(rung, 0)) for rung in rungs},
            "plot": run.plot("selloffs", "selloffs by rung and hour", selloffs=found),
        },
    )
