"""Features stage: what was known, when.

settings  ->  features.catalog;  bars, regimes  ->  features.daily  ->  features.selected
"""

import numpy as np
import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
)
from trading_pipeline.contracts.tables import FrameChunks, TableResult
from trading_pipeline.domain.features.daily import EVENT_TABLES, compute_daily_features
from trading_pipeline.domain.features.intraday_registry import intraday_registry
from trading_pipeline.domain.features.registry import catalog_frame, feature_registry
from trading_pipeline.resources import StageRun


@table_asset("features.catalog", settings=("features",))
def catalog(run: StageRun) -> TableResult:
    """Every feature: formula in words, unit, lookback, inputs, when it is known, and its source."""
    own = feature_registry(run.config.features, run.feature_module())
    table = catalog_frame((*own, *intraday_registry(run.config.features.intraday)))
    daily_ones = table[table["stage"] == "daily"]
    return TableResult(
        table,
        {
            "daily features": len(daily_ones),
            "intraday features, each timeframe": len(table) - len(daily_ones),
            "families": int(table["family"].nunique()),
            "longest lookback": f"{int(daily_ones['lookback_sessions'].max())} sessions",
            "plot": run.plot("feature_families", "features by family", catalog=daily_ones),
        },
    )


@table_asset(
    "features.daily",
    reads=(
        "bars.daily",
        "bars.universe",
        "bars.vix",
        "bars.sectors",
        "regimes.market",
        *(f"bars.{name}" for name in EVENT_TABLES),
    ),
    settings=("features",),
    kinds=("numpy", "parquet"),
)
def daily(run: StageRun) -> TableResult:
    """One row per equity and session, one column per feature, computed for all history at once."""
    registry = feature_registry(run.config.features, run.feature_module())
    computed = compute_daily_features(
        run.table("bars.daily"),
        run.table("bars.universe"),
        run.table("regimes.market"),
        run.table("bars.vix"),
        run.table("bars.sectors"),
        registry,
        {name: run.table(f"bars.{name}") for name in EVENT_TABLES},
        # Half the memory and half the lake; models read no more digits.
        dtype=np.float32,
    )
    missing = computed.missing_frac()
    return TableResult(
        FrameChunks(computed.by_year()),
        {
            "features": len(missing),
            "missing share": round(float(missing.mean()), 4),
            "never present": ", ".join(missing.index[missing == 1.0]) or "none",
        },
    )


@table_asset(
    "features.selected",
    reads=(*TRAINING_READS, "features.catalog"),
    settings=("features", "sweeps.every_nth_session", *TRAINING_SETTINGS),
    fingerprint=lambda run: training_fingerprint(run, "features.catalog"),
)
def selected(run: StageRun) -> TableResult:
    """Which features the models of each block may use, chosen on its training rows alone."""
    span = TrainingSpan.load(run, every_feature=True)
    catalogue = run.table("features.catalog").query("stage == 'daily'")
    parts = []
    blocks = span.blocks
    for done, block in enumerate(blocks, start=1):
        parts.append(span.select(block, catalogue))
        run.advance(done, len(blocks), "blocks")
    table = pd.concat(parts, ignore_index=True)
    final = table[table["block"] == 0]
    reasons = final["reason"].str.split(" of ").str[0].str.split(" with ").str[0].value_counts()
    return TableResult(
        table,
        {
            "features kept for the final fit": int(final["is_selected"].sum()),
            "blocks": len(blocks),
            **{f"final fit: {reason}": int(n) for reason, n in reasons.items()},
            "plot": run.plot(
                "feature_families", "kept features by family", catalog=catalogue, selected=table
            ),
        },
    )
