"""Drift stage: how far live data have moved from what the model in service was trained on.

features.daily, gate.decisions  ->  drift.features, drift.sessions  ->  drift.episodes
"""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from trading_pipeline.assets.service import reference_version
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import recipe_features
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.drift.episodes import EPISODE_COLUMNS, find_episodes
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.resources import StageRun

READS = ("features.daily", "ensemble.deployed", "gate.decisions")


def drift_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return the contents drift rests on: features, and who is in service."""
    return {
        "features": run.hash("features.daily"),
        "reference": str(reference_version(run)),
        "newest": run.hash("ensemble.deployed"),
    }


def measured(run: StageRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (drift.features, drift.sessions), computed once a run."""
    found: tuple[pd.DataFrame, pd.DataFrame] = run.remember(
        "drift", dict(drift_fingerprint(run)), lambda: _measure(run)
    )
    return found


def _measure(run: StageRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    version = reference_version(run)
    if version is None:
        return score_nothing(run)
    model = json.loads(run.load_model(version)["training.json"])
    features = recipe_features(run, version)
    listed = ", ".join(f'"{name}"' for name in features)
    rows = run.read(
        f"select symbol, session_date, session, {listed} from features.daily"
        " where session between $first and $last",
        first=model["first_session"],
        last=model["last_session"],
    )
    live = run.read(
        f"select symbol, session_date, session, {listed} from features.daily where session > $last",
        last=model["last_session"],
    )
    newest = json.loads(run.load_model(newest_version(run))["training.json"])
    return score_drift(
        rows, live, features, run.config.drift, version, trained_session=newest["as_of_session"]
    )


def newest_version(run: StageRun) -> str:
    """Return the version of the last refit."""
    return str(run.read("select any_value(model_version) as v from ensemble.deployed")["v"].iloc[0])


def score_nothing(run: StageRun) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return empty tables: no model is in service, so nothing can have drifted from it."""
    return run.table("drift.features").iloc[:0], run.table("drift.sessions").iloc[:0]


@table_asset("drift.features", reads=READS, settings=("drift",), fingerprint=drift_fingerprint)
def features(run: StageRun) -> TableResult:
    """PSI and KS of each feature at the last session, against its block-bootstrapped threshold."""
    table, sessions = measured(run)
    return TableResult(table, {**_facts(table, sessions), "plot": _plot(run, table, sessions)})


@table_asset("drift.sessions", reads=READS, settings=("drift",), fingerprint=drift_fingerprint)
def sessions(run: StageRun) -> TableResult:
    """Share of drifted features per live session, and how many run beyond it."""
    table, by_session = measured(run)
    return TableResult(
        by_session, {**_facts(table, by_session), "plot": _plot(run, table, by_session)}
    )


@table_asset(
    "drift.episodes",
    reads=("drift.sessions",),
    settings=("drift",),
    fingerprint=lambda run: {
        "sessions": run.hash("drift.sessions"),
        "reference": str(reference_version(run)),
    },
)
def episodes(run: StageRun) -> TableResult:
    """Spells of drift; each asks for one retrain and ends by cooldown or promotion."""
    version = reference_version(run)
    previous = run.table("drift.episodes")[list(EPISODE_COLUMNS)]
    table = previous
    if version is not None:
        table = find_episodes(previous, run.table("drift.sessions"), run.config.drift, version)
    is_open = table["state"] == "open"
    return TableResult(
        table,
        {
            "model in service": version or "none",
            "open": int(is_open.sum()),
            "reasons": ", ".join(sorted(table.loc[is_open, "reason"].unique())) or "none open",
            "closed": int((~is_open).sum()),
        },
    )


def _facts(table: pd.DataFrame, by_session: pd.DataFrame) -> dict[str, Any]:
    last = by_session.iloc[-1] if len(by_session) else None
    share = "not assessable"
    if last is not None and pd.notna(last["share_drifted"]):
        share = f"{last['share_drifted']:.3f} (limit {last['share_threshold']:.3f})"
    return {
        "model in service": table["model_version"].iloc[0] if len(table) else "none",
        "live sessions": len(by_session),
        "drifted features": int(table["is_drifted"].sum()),
        "share drifted": share,
        "age": f"{int(last['age_sessions'])} sessions" if last is not None else "none",
    }


def _plot(run: StageRun, table: pd.DataFrame, by_session: pd.DataFrame) -> str:
    limits = (run.config.drift.psi_watch, run.config.drift.psi_drifted)
    return run.plot(
        "drift", "features that moved most", features=table, sessions=by_session, limits=limits
    )
