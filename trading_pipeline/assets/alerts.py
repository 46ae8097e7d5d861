"""Alerts of the selloff scanner: what it said, live or replayed."""

import dagster as dg

from trading_pipeline.assets.table_asset import STEP_TAG
from trading_pipeline.contracts.steps import step_of

# Nothing computes it: the scanner appends to it as a session goes on.
alerts = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            ["selloffs", "alerts"],
            deps=[["bars", "minute"], ["bars", "universe"], ["gate", "decisions"]],
            group_name="selloffs",
            kinds={"duckdb"},
            tags={STEP_TAG: step_of("selloffs.alerts").tag},
            description="What the scanner said of each fall, withheld ones with their reason;"
            " `scan` and the job `scan_session` write it.",
        )
    ]
)
