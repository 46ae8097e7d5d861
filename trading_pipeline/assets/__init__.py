"""Software-defined assets, one module a stage: inputs, one domain call, metadata."""

from collections.abc import Sequence

import dagster as dg


def all_assets() -> Sequence[dg.AssetsDefinition]:
    """Return every asset of every stage."""
    from trading_pipeline.assets import (
        alerts,
        backtest,
        bar_quality,
        bars,
        cards,
        drift,
        effects,
        ensemble,
        events,
        explanations,
        features,
        gate,
        health,
        intraday_features,
        labels,
        memory,
        orders,
        outcomes,
        predictions,
        regimes,
        reports,
        requests,
        scans,
        selloffs,
        selloffs_model,
        selloffs_verdicts,
        selloffs_worth,
        splits,
        sweeps,
    )

    stages = (
        health,
        requests,
        bars,
        bar_quality,
        events,
        regimes,
        memory,
        features,
        intraday_features,
        labels,
        splits,
        sweeps,
        ensemble,
        explanations,
        effects,
        backtest,
        gate,
        predictions,
        outcomes,
        drift,
        selloffs,
        selloffs_model,
        selloffs_verdicts,
        cards,
        reports,
        selloffs_worth,
        scans,
        alerts,
        orders,
    )
    return [
        value
        for stage in stages
        for value in vars(stage).values()
        if isinstance(value, dg.AssetsDefinition)
    ]


def all_asset_checks() -> Sequence[dg.AssetChecksDefinition]:
    """Return one blocking check per file of `sql/checks/`."""
    from trading_pipeline.assets.checks import sql_checks

    return sql_checks()
