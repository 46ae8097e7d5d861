"""Scans stage: the ledger of every scan, live, replayed or historical.

bars.daily, bars.minute, bars.universe, bars.sectors, bars.vix, selloffs.events  ->  scans.history
"""

import dagster as dg

from trading_pipeline.assets.table_asset import STEP_TAG
from trading_pipeline.contracts.steps import step_of

READS = (
    "bars.daily",
    "bars.minute",
    "bars.universe",
    "bars.sectors",
    "bars.vix",
    "selloffs.events",
)

# Nothing computes it: each scan shows here as it is made.
history = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            ["scans", "history"],
            deps=[name.split(".") for name in READS],
            group_name="scans",
            kinds={"duckdb"},
            tags={STEP_TAG: step_of("scans.history").tag},
            description="Every scan with its filter, its results and the market then; `scan`"
            " writes it.",
        )
    ]
)
