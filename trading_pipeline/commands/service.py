"""Decisions about the models in service, and what the home holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pandas as pd
from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.mlflow_store import set_alias
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.options import Model
from trading_pipeline.commands.run import Prepared, check_source, instance_of, prepare
from trading_pipeline.commands.summary import plain, write_json
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tracking import FALLS_SUFFIX
from trading_pipeline.domain.gate.decisions import (
    FALLS,
    Decision,
    draft_promotion,
    draft_rollback,
    service_roles,
)
from trading_pipeline.resources import open_home
from trading_pipeline.settings import validated

WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """How a model is named in the ledger of decisions, at its gate and in MLflow."""

    prefix: str
    verdicts: str
    champion: str
    suffix: str


MODELS: Mapping[Model, Served] = {
    "daily": Served("", "gate.verdicts", "champion", ""),
    "selloffs": Served(FALLS, "selloffs.verdicts", "champion of falls", FALLS_SUFFIX),
}


def prepare_retrain(
    home: Path, from_config: str, set_and_forget: bool, renew_protocol: bool
) -> Prepared:
    """Return the home with the settings of an earlier run, by default its current ones."""
    config = retrain_settings(home, from_config, set_and_forget)
    check_source(config, home)
    prepared = prepare(home, config)
    if renew_protocol:
        with home_lock(home), prepared.warehouse.writer() as connection:
            # Without its ledger row the hold-out is stale, and the next run fixes a new one.
            connection.execute(
                "delete from provenance.materializations"
                " where asset in ('splits.holdout', 'selloffs.scores')"
            )
    return prepared


def foreseen_settings(
    home: Path, from_config: str, set_and_forget: bool, renew_protocol: bool
) -> PipelineConfig:
    """Return the settings a dry run is made for. Raises InputError for what it cannot foresee."""
    if renew_protocol:
        raise InputError(
            "--dry-run cannot foresee --renew-protocol, which makes every table from splits.holdout"
            " on anew; leave one of them out"
        )
    return retrain_settings(home, from_config, set_and_forget)


def retrain_settings(home: Path, from_config: str, set_and_forget: bool) -> PipelineConfig:
    """Return the settings of an earlier run, by default the home's current ones."""
    open_home(home, WAIT_SECONDS)
    config = ConfigStore(home).load(from_config).config
    if not set_and_forget:
        return config
    tree = config.model_dump()
    tree["gate"]["auto_promote"] = True
    return validated(tree)


def promote_challenger(
    home: Path, by: str, reason: str, *, anyway: bool, model: Model = "daily"
) -> str:
    """Make the newest challenger champion; return what was done. Raises InputError."""
    warehouse = open_home(home, WAIT_SECONDS)
    named = MODELS[model]
    with home_lock(home):
        decisions = warehouse.read("select * from gate.decisions")
        verdicts = warehouse.read(f"select any_value(verdict) as v from {named.verdicts}")["v"]
        decision = draft_promotion(
            decisions,
            None,
            None if verdicts.isna().all() else str(verdicts.iloc[0]),
            is_override=anyway,
            decided_by=by,
            decided_at=_now(),
            reason=reason,
            prefix=named.prefix,
        )
        warehouse.append("gate.decisions", pd.DataFrame([decision]))
    _show(home, decision)
    return _told(home, warehouse, decision, named)


def roll_back(home: Path, by: str, reason: str, model: Model = "daily") -> str:
    """Return to the previous champion; return what was done. Raises InputError."""
    warehouse = open_home(home, WAIT_SECONDS)
    with home_lock(home):
        decisions = warehouse.read("select * from gate.decisions")
        decision = draft_rollback(
            decisions,
            decided_by=by,
            decided_at=_now(),
            reason=reason,
            prefix=MODELS[model].prefix,
        )
        warehouse.append("gate.decisions", pd.DataFrame([decision]))
    _show(home, decision)
    return _told(home, warehouse, decision, MODELS[model])


def show_drift(console: Console, home: Path, json_path: Path | None) -> None:
    """Print the newest drift figures and episodes."""
    warehouse = open_home(home, WAIT_SECONDS)
    roles = service_roles(warehouse.read("select * from gate.decisions"))
    last = warehouse.read("select * from drift.sessions order by session desc limit 1")
    worst = warehouse.read(
        "select feature, psi, ks, threshold, is_drifted from drift.features"
        " order by psi desc nulls last, feature limit 10"
    )
    episodes = warehouse.read("select * from drift.episodes order by opened_date desc limit 10")
    console.print(f"champion: {roles['champion'] or 'none'}; shadow: {roles['shadow'] or 'none'}")
    if last.empty:
        console.print("drift: no session has come in since the model in service was trained")
    else:
        row = last.iloc[0]
        share = "not assessable" if pd.isna(row["share_drifted"]) else f"{row['share_drifted']:.3f}"
        limit = (
            "not assessable" if pd.isna(row["share_threshold"]) else f"{row['share_threshold']:.3f}"
        )
        console.print(
            f"{row['session_date']:%Y-%m-%d}: share of drifted features {share} (limit {limit}), "
            f"{row['n_running']} sessions running, age {row['age_sessions']} sessions"
        )
    console.print(_table("features that moved most", worst))
    console.print(_table("episodes", episodes[["episode_id", "reason", "state", "last_date"]]))
    if json_path:
        write_json(
            {
                "champion": roles["champion"],
                "shadow": roles["shadow"],
                "sessions": _records(last),
                "features": _records(worst),
                "episodes": _records(episodes),
            },
            json_path,
        )


def migrate_home(home: Path) -> str:
    """Bring a home's warehouse forward; return what was done. Raises InputError."""
    with home_lock(home):
        applied = Warehouse(home).migrate()
    return f"{applied} migrations applied; {home / 'warehouse.duckdb'} is up to date"


def export_table(home: Path, table: str, path: Path) -> str:
    """Write a table to Parquet, CSV or JSON by the file's ending; return what was done."""
    warehouse = open_home(home, WAIT_SECONDS)
    known = warehouse.read(
        "select schema_name || '.' || view_name as name from duckdb_views()"
        " where not internal order by name"
    )["name"].tolist()
    if table not in known:
        raise InputError(f"table {table!r} is unknown; one of: {', '.join(known)}")
    writers = {".parquet": "parquet", ".csv": "csv", ".json": "json"}
    kind = writers.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path} ends in none of {', '.join(writers)}; name such a file")
    frame = warehouse.read(f"select * from {table}")
    try:
        if kind == "parquet":
            frame.to_parquet(path, index=False)
        elif kind == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_json(path, orient="records", date_format="iso")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    return f"{len(frame):,} rows of {table} written to {path}"


def _show(home: Path, decision: Decision) -> None:
    """Let the decision appear on its asset's page in the UI."""
    shown = {name: str(value) for name, value in decision.items() if value is not None}
    with instance_of(home) as instance:
        instance.report_runless_asset_event(
            dg.AssetMaterialization(["gate", "decisions"], metadata=shown)
        )


def _told(home: Path, warehouse: Warehouse, decision: Decision, named: Served) -> str:
    config: PipelineConfig = ConfigStore(home).load().config
    done = (
        f"{decision['action']}: {decision['model_version']} is {named.champion} "
        f"(before: {decision['previous_version'] or 'none'})"
    )
    tracked = warehouse.read(
        "select mlflow_model_version as version from reports.tracking"
        " where model_version = $version and mlflow_model_version is not null",
        {"version": decision["model_version"]},
    )
    settings = config.tracking
    if not settings.enabled or tracked.empty:
        return f"{done}; MLflow's alias was not moved: it does not know this version"
    result = set_alias(
        home,
        settings.uri,
        f"{settings.registered_model}{named.suffix}",
        "champion",
        str(tracked["version"].iloc[0]),
        timeout_seconds=settings.timeout_seconds,
    )
    return f"{done}; MLflow's alias: {result.state}"


def _now() -> pd.Timestamp:
    return pd.Timestamp.now(tz="UTC")


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    return [{str(name): plain(value) for name, value in row.items()} for _, row in frame.iterrows()]


def _table(title: str, frame: pd.DataFrame) -> Table:
    table = Table(*frame.columns, title=title, title_justify="left", box=None)
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    return table
