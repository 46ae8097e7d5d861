"""Selloffs stage: the verdict on the model of falls, its reasons, and its drift.

selloffs.scores, selloffs.model  ->  selloffs.verdicts  ->  gate.decisions  ->  selloffs.drift
"""

import time
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from trading_pipeline.assets.selloffs_model import DEPLOYED, JUDGED, READS, load_falls, nothing
from trading_pipeline.assets.service import (
    in_service,
    put_in_shadow,
    recipe_features,
    reference_version,
    roles,
)
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.domain.ensemble.explanations import MEAN, NATIVE, explain, stratified_rows
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES
from trading_pipeline.domain.gate.decisions import FALLS
from trading_pipeline.domain.selloffs.judge import fall_evidence, judge_falls, verdict_words
from trading_pipeline.domain.selloffs.model import SelloffModel
from trading_pipeline.domain.selloffs.panel import IDENTITY, model_matrix
from trading_pipeline.resources import StageRun

LATENCY_ROWS = 500
LATENCY_REPEATS = 7


@table_asset(
    "selloffs.verdicts",
    reads=("selloffs.scores", "selloffs.model", "selloffs.metrics", "selloffs.features"),
    settings=("selloffs.model", "selloffs.backtest", "gate"),
)
def verdicts(run: StageRun) -> TableResult:
    """Every criterion with its number; the refit goes into shadow, a human makes the champion."""
    files = run.table("selloffs.model")
    if files.empty:
        return nothing(run, "no model of falls to judge: see selloffs.model")
    judged = files[files["kind"] == JUDGED]
    version, protocol_id = (str(judged[name].iloc[0]) for name in ("model_version", "protocol_id"))
    reads = run.read(
        "select count(*) as n from splits.holdout_reads where protocol_id = $protocol_id",
        protocol_id=protocol_id,
    )
    evidence = fall_evidence(
        run.table("selloffs.scores"),
        run.config.selloffs,
        model_version=version,
        recipe_id=str(judged["recipe_id"].iloc[0]),
        protocol_id=protocol_id,
        holdout_reads=int(reads["n"].iloc[0]),
        n_study=int(run.table("selloffs.metrics")["n_study"].iloc[0]),
        latency_ms=latency_ms(run, version),
        model_mb=float(judged["n_bytes"].sum()) / 1e6,
    )
    verdict = judge_falls(evidence, run.config.selloffs.model, run.config.gate)
    table = verdict.frame()
    # A duration differs from run to run: it is judged, and shown beside the table's values.
    is_latency = table["criterion"] == "latency_ms"
    table["seconds"] = (table["value"] / 1000.0).where(is_latency)
    table["value"] = table["value"].mask(is_latency)
    deployed = str(files.loc[files["kind"] == DEPLOYED, "model_version"].iloc[0])
    put_in_shadow(run, deployed, verdict.verdict, FALLS)
    held = roles(run, FALLS)
    return TableResult(
        table,
        {
            "verdict": verdict.verdict,
            "in words": verdict_words(verdict),
            "champion": held["champion"] or "none",
            "shadow": held["shadow"] or "none",
            "hold-out reads": evidence.holdout_reads,
            "why": "; ".join(verdict.reasons),
        },
    )


def latency_ms(run: StageRun, version: str) -> float:
    """Return the CPU time of a model's probabilities and tiers of ``LATENCY_ROWS`` falls.

    The least of some repeats: what the model needs, not what else the machine was doing.
    """
    one = SelloffModel.from_files(run.load_model(version), threads=1)
    asked = run.read(
        "select * from selloffs.features where session <= $last"
        " order by session desc, symbol, rung limit $n",
        last=one.trained.last_session,
        n=LATENCY_ROWS,
    )
    rows = asked.iloc[np.arange(LATENCY_ROWS) % len(asked)].reset_index(drop=True)
    times = []
    for _ in range(LATENCY_REPEATS):
        began = time.process_time()
        one.judge(model_matrix(rows, one.features))
        times.append(time.process_time() - began)
    return 1000.0 * min(times)


@table_asset(
    "selloffs.explanations",
    reads=(*READS, "selloffs.model"),
    settings=("selloffs.model", "selloffs.trade", "explanations", "gate"),
    kinds=("xgboost",),
)
def explanations(run: StageRun) -> TableResult:
    """What moves the judged model, over its own training falls: the hold-out stays closed."""
    files = run.table("selloffs.model")
    judged = files[files["kind"] == JUDGED]
    if judged.empty:
        return nothing(run, "no model of falls to explain: see selloffs.model")
    version = str(judged["model_version"].iloc[0])
    one = SelloffModel.from_files(run.load_model(version), run.config.runtime.threads)
    if not set(one.recipe.learners) & set(NATIVE):
        return nothing(run, f"none of {', '.join(one.recipe.learners)} gives contributions")
    panel = load_falls(run)
    inside = panel.rows["session"].between(one.trained.first_session, one.trained.last_session)
    trained = np.flatnonzero(inside)
    drawn, stands_for = stratified_rows(
        panel.rows.iloc[trained], run.config.explanations.rows_per_regime, one.recipe.seed
    )
    chosen = trained[drawn]
    # An outcome ends in its session: each session is an independent one.
    table = explain(
        one.members,
        panel.X.iloc[chosen].reset_index(drop=True),
        panel.rows.iloc[chosen].reset_index(drop=True),
        stands_for,
        1,
        run.config.gate,
    ).assign(model_version=version, protocol_id=str(judged["protocol_id"].iloc[0]))
    of_mean = table[table["learner"] == MEAN]
    whole = of_mean[of_mean["regime"] == ALL_REGIMES]
    return TableResult(
        table,
        {
            "model version": version,
            "falls explained": len(chosen),
            "most important": ", ".join(whole["feature"].head(5)),
            "signs that flip": ", ".join(
                sorted(of_mean.loc[of_mean["is_flipped"], "feature"].unique())
            )
            or "none",
            "plot": run.plot("importance", "importance by regime", explanations=table),
        },
    )


def fall_features(run: StageRun) -> Collection[str]:
    """Return the columns of selloffs.features that a model may read."""
    return set(run.table("selloffs.features").columns) - set(IDENTITY)


def drift_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return the contents drift rests on: features of falls, and who is in service."""
    return {
        "features": run.hash("selloffs.features"),
        "reference": str(in_service(run, FALLS, fall_features(run))),
        "newest": run.hash("selloffs.model"),
    }


@table_asset(
    "selloffs.drift",
    reads=("selloffs.features", "selloffs.model", "selloffs.verdicts", "gate.decisions"),
    settings=("drift",),
    fingerprint=drift_fingerprint,
)
def drift(run: StageRun) -> TableResult:
    """PSI and KS of each feature of the newest falls against those the model learned from."""
    version = reference_version(run, FALLS, fall_features(run))
    if version is None:
        return nothing(run, "no model of falls is in service")
    one = SelloffModel.from_files(run.load_model(version), run.config.runtime.threads)
    rows = run.read("select * from selloffs.features order by session, symbol, rung")
    names = recipe_features(run, version)
    keyed = pd.concat([rows[["session_date", "session"]], model_matrix(rows, names)], axis=1)
    session = keyed["session"]
    table, by_session = score_drift(
        keyed[session.between(one.trained.first_session, one.trained.last_session)],
        keyed[session > one.trained.last_session],
        names,
        run.config.drift,
        version,
        trained_session=one.trained.last_session,
    )
    why = {} if len(table) else {"why empty": "no session with falls since the model was trained"}
    return TableResult(
        table,
        {
            "model in service": version,
            "sessions with falls since": len(by_session),
            "drifted features": int(table["is_drifted"].sum()),
            **why,
        },
    )
