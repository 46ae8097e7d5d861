"""Paper orders as the graph shows them: the trail that the scanner's broker writes.

selloffs.alerts  ->  selloffs.order_events
"""

import dagster as dg

from trading_pipeline.assets.table_asset import STEP_TAG
from trading_pipeline.contracts.steps import step_of

# Nothing computes it: each intention, request and answer shows here as it is made.
order_events = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            ["selloffs", "order_events"],
            deps=[["selloffs", "alerts"]],
            group_name="selloffs",
            kinds={"duckdb"},
            tags={STEP_TAG: step_of("selloffs.order_events").tag},
            description="What passed between the scanner and the paper broker, in order; the"
            " state of every order and position follows from it. `scan` writes it.",
        )
    ]
)
