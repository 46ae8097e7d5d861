"""Drift stage: how far live data have moved from what the model in service was trained on.

features.daily, gate.decisions  ->  drift.features, drift.sessions  ->  drift.episodes
predictions.live, outcomes.resolved  ->  drift.predictions;  regimes.market  ->  drift.regimes
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.assets.ensemble import SCORES_FILE
from trading_pipeline.assets.service import in_service, recipe_features, reference_version
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.drift.episodes import EPISODE_COLUMNS, find_episodes
from trading_pipeline.domain.drift.predictions import no_predictions_drift, score_predictions
from trading_pipeline.domain.drift.regimes import score_regimes
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.resources import StageRun

READS = ("features.daily", "ensemble.deployed", "gate.decisions")
NOT_ASSESSABLE = "not assessable"


def drift_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return the contents drift rests on: features, and who is in service."""
    return {
        "features": run.hash("features.daily"),
        "reference": str(in_service(run)),
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
    model = training_span(run, version)
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
    newest = training_span(run, newest_version(run))
    return score_drift(
        rows, live, features, run.config.drift, version, trained_session=newest["as_of_session"]
    )


def training_span(run: StageRun, version: str) -> dict[str, int]:
    """Return the sessions a stored model was trained on, and the last that its fit could know."""
    span: dict[str, int] = json.loads(run.load_model(version)["training.json"])
    return span


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
    "drift.predictions",
    reads=("predictions.live", "outcomes.resolved", "ensemble.deployed", "gate.decisions"),
    settings=("drift", "outcomes"),
    fingerprint=lambda run: {
        "said": run.hash("predictions.live"),
        "resolved": run.hash("outcomes.resolved"),
        "reference": str(in_service(run)),
    },
)
def predictions(run: StageRun) -> TableResult:
    """Spread of the live scores against the hold-out's, and the live AUC with its interval."""
    version = reference_version(run)
    table = no_predictions_drift()
    if version is not None:
        table = score_predictions(
            holdout_scores(run, version),
            run.read(
                "select session_date, session, probability from predictions.live"
                " where model_version = $version",
                version=version,
            ),
            run.read(
                "select session, end_session, horizon_sessions, probability, label, hit_excess"
                " from outcomes.resolved where model_version = $version",
                version=version,
            ),
            run.config.drift,
            run.config.outcomes,
            version,
        )
    last = table.iloc[-1] if len(table) else None
    return TableResult(
        table,
        {
            "model in service": version or "none",
            "live sessions": len(table),
            "spread of the scores": _limited(last, "psi"),
            "live AUC": _live_auc(last),
            "resolved": int(last["n_resolved"]) if last is not None else 0,
        },
    )


def holdout_scores(run: StageRun, version: str) -> pd.DataFrame:
    """Return session and probability that a stored model's recipe gave over its hold-out."""
    kept = run.load_model(version).get(SCORES_FILE)
    scores = json.loads(kept) if kept else {"session": [], "probability": []}
    return pd.DataFrame(scores)


@table_asset(
    "drift.regimes",
    reads=("regimes.market", "ensemble.deployed", "gate.decisions"),
    settings=("drift",),
    fingerprint=lambda run: {
        "regimes": run.hash("regimes.market"),
        "reference": str(in_service(run)),
    },
)
def regimes(run: StageRun) -> TableResult:
    """Share of each regime in the last sessions against the training window; watched only."""
    version = reference_version(run)
    table = run.table("drift.regimes").iloc[:0]
    if version is not None:
        span = training_span(run, version)
        first, last = session_dates(np.array([span["first_session"], span["last_session"]]))
        rows = run.read(
            "select session_date, regime from regimes.market where session_date >= $first",
            first=first,
        )
        is_live = rows["session_date"] > last
        table = score_regimes(rows[~is_live], rows[is_live], run.config.drift, version)
    return TableResult(
        table,
        {
            "model in service": version or "none",
            "drifted": ", ".join(table.loc[table["is_drifted"].astype(bool), "regime"]) or "none",
            **{
                f"share of {row['regime']}": _limited(row, "share_live")
                for _, row in table.iterrows()
            },
        },
    )


@table_asset(
    "drift.episodes",
    reads=("drift.sessions", "drift.predictions"),
    settings=("drift",),
    fingerprint=lambda run: {
        "sessions": run.hash("drift.sessions"),
        "predictions": run.hash("drift.predictions"),
        "reference": str(in_service(run)),
    },
)
def episodes(run: StageRun) -> TableResult:
    """Spells of drift; each asks for one retrain and ends by cooldown or promotion."""
    version = reference_version(run)
    previous = run.table("drift.episodes")[list(EPISODE_COLUMNS)]
    table = previous
    if version is not None:
        table = find_episodes(
            previous,
            run.table("drift.sessions"),
            run.table("drift.predictions"),
            run.config.drift,
            version,
        )
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
    share = NOT_ASSESSABLE
    if last is not None and pd.notna(last["share_drifted"]):
        share = f"{last['share_drifted']:.3f} (limit {last['share_threshold']:.3f})"
    return {
        "model in service": table["model_version"].iloc[0] if len(table) else "none",
        "live sessions": len(by_session),
        "drifted features": int(table["is_drifted"].sum()),
        "share drifted": share,
        "age": f"{int(last['age_sessions'])} sessions" if last is not None else "none",
    }


def _limited(row: pd.Series | None, name: str) -> str:
    """Write a value beside its limit."""
    if row is None or pd.isna(row[name]) or pd.isna(row["threshold"]):
        return NOT_ASSESSABLE
    return f"{row[name]:.3f} (limit {row['threshold']:.3f})"


def _live_auc(row: pd.Series | None) -> str:
    if row is None or pd.isna(row["auc"]):
        n_horizons = 0.0 if row is None else row["n_horizons"]
        return f"{NOT_ASSESSABLE}: {n_horizons:.1f} independent horizons"
    return f"{row['auc']:.3f} [{row['auc_low']:.3f}, {row['auc_high']:.3f}]"


def _plot(run: StageRun, table: pd.DataFrame, by_session: pd.DataFrame) -> str:
    limits = (run.config.drift.psi_watch, run.config.drift.psi_drifted)
    return run.plot(
        "drift", "features that moved most", features=table, sessions=by_session, limits=limits
    )
