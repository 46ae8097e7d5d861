"""What MLflow is told of the model of falls, in the same store as the daily model."""

from typing import Any

import pandas as pd

from trading_pipeline.assets.selloffs_model import DEPLOYED
from trading_pipeline.assets.service import roles
from trading_pipeline.contracts.tracking import FALLS_SUFFIX, IntervalMetric, TrackingRecord
from trading_pipeline.domain.gate.decisions import FALLS
from trading_pipeline.domain.selloffs.judge import MODEL
from trading_pipeline.resources import StageRun


def fall_record(run: StageRun) -> TrackingRecord | None:
    """Return what MLflow is told of the model of falls; None where none was fitted."""
    files, verdicts = run.table("selloffs.model"), run.table("selloffs.verdicts")
    deployed = files[files["kind"] == DEPLOYED]
    if deployed.empty or verdicts.empty:
        return None
    version = str(deployed["model_version"].iloc[0])
    scores = run.table("selloffs.metrics")
    own = scores[(scores["learner"] == MODEL) & (scores["span"] == "holdout")]
    judged: pd.DataFrame = verdicts.dropna(subset=["value"])
    settings = run.config.tracking
    return TrackingRecord(
        home=run.home,
        run_name=version,
        experiment=settings.experiment,
        registered_model=f"{settings.registered_model}{FALLS_SUFFIX}",
        uri=settings.uri,
        is_enabled=settings.enabled,
        timeout_seconds=settings.timeout_seconds,
        alias="champion" if roles(run, FALLS)["champion"] == version else "challenger",
        tags={
            "config_version": run.config_version,
            "code_version": run.code_version,
            "data_version": run.hash("selloffs.outcomes"),
            "protocol_id": str(deployed["protocol_id"].iloc[0]),
            "recipe_id": str(deployed["recipe_id"].iloc[0]),
            "verdict": str(verdicts["verdict"].iloc[0]),
            "dagster_run_id": run.run_id,
        },
        params=flat(run.setting("selloffs.model") | {"trade": run.setting("selloffs.trade")}),
        metrics={str(row.criterion): float(str(row.value)) for row in judged.itertuples()},
        holdout={
            f"{metric}_{row['regime']}": IntervalMetric(
                row[metric], row[f"{metric}_low"], row[f"{metric}_high"]
            )
            for row in own.to_dict("records")
            for metric in ("auc", "accuracy")
        },
        model_dir=run.home / "models" / version,
    )


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested settings as dotted names and text."""
    found: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = str(value)
    return found
