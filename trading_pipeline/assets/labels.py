"""Labels stage: what the models are asked to foresee.

bars.daily, bars.universe  ->  labels.direction
"""

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.resources import StageRun


def min_symbols(run: StageRun) -> int:
    """Return how many labelled equities a session needs, by source."""
    config = run.config.labels
    is_sample = run.config.source.kind == "sample"
    return config.min_symbols_sample if is_sample else config.min_symbols


@table_asset(
    "labels.direction", reads=("bars.daily", "bars.universe"), settings=("labels", "source.kind")
)
def direction(run: StageRun) -> TableResult:
    """Forward return over the horizon against the universe's median; open labels have no value."""
    config = run.config.labels
    labels = label_direction(
        run.table("bars.daily"), run.table("bars.universe"), config, min_symbols(run)
    )
    known = labels["label"].dropna()
    return TableResult(
        labels,
        {
            "target": config.target,
            "horizon": f"{config.horizon_sessions} sessions",
            "labelled rows": len(known),
            "open rows": int((~labels["is_closed"]).sum()),
            "share of label 1": round(float(known.mean()), 4) if len(known) else "none",
            "mean uniqueness": round(float(labels["uniqueness"].mean()), 4),
            "fewest symbols a session": int(labels["n_symbols"].min()) if len(labels) else 0,
            "plot": run.plot("label_balance", "share of label 1 by month", labels=labels),
        },
    )
