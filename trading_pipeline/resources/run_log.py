"""The line that each run appends to `reports.training_log` when it gives the home back."""

from typing import Any

import dagster as dg
import pandas as pd
from dagster import DagsterEventType, DagsterInstance, DagsterRun

from trading_pipeline.adapters.code_version import code_version
from trading_pipeline.adapters.memory_use import peak_gigabytes
from trading_pipeline.adapters.warehouse import Warehouse

TRAINING_LOG = "reports.training_log"


def log_run_end(
    instance: DagsterInstance,
    run: DagsterRun,
    warehouse: Warehouse,
    config_version: str,
    started_at: pd.Timestamp,
) -> None:
    """Append the line of a run that ends now, and show it on the asset's page."""
    line = _line(instance, run, warehouse, config_version, started_at)
    warehouse.append(TRAINING_LOG, pd.DataFrame([line]))
    shown = {name: str(value) for name, value in line.items() if value not in (None, "")}
    instance.report_runless_asset_event(
        dg.AssetMaterialization(TRAINING_LOG.split("."), metadata=shown)
    )


def _line(
    instance: DagsterInstance,
    run: DagsterRun,
    warehouse: Warehouse,
    config_version: str,
    started_at: pd.Timestamp,
) -> dict[str, Any]:
    ended_at = pd.Timestamp.now(tz="UTC")
    computed = warehouse.read(
        "select asset from provenance.materializations where run_id = $run_id order by written_at",
        {"run_id": run.run_id},
    )["asset"].tolist()
    failures = instance.all_logs(run.run_id, of_type=DagsterEventType.STEP_FAILURE)
    failed = [str(log.step_key).replace("__", ".") for log in failures]
    judged = warehouse.read(
        "select (select any_value(model_version) from ensemble.deployed) as version,"
        " (select any_value(verdict) from gate.verdicts) as verdict"
    ).iloc[0]
    bars = warehouse.latest_materialization("bars.daily")
    return {
        "run_id": run.run_id,
        "job": run.job_name,
        "state": "failed" if failed else "succeeded",
        "started_at": started_at,
        "ended_at": ended_at,
        "seconds": (ended_at - started_at).total_seconds(),
        "peak_gb": peak_gigabytes(),
        "n_computed": len(computed),
        "computed": ", ".join(computed),
        "failed": ", ".join(failed),
        "model_version": judged["version"],
        "verdict": judged["verdict"],
        "config_version": config_version,
        "code_version": code_version(),
        "data_version": bars.content_hash if bars else None,
    }
