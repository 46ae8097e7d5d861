"""Gate stage: the verdict on the challenger, and the refit that goes into shadow.

ensemble.scores, backtest.summary  ->  gate.verdicts  ->  ensemble.deployed  ->  gate.decisions
"""

import hashlib
import time
from collections.abc import Sequence

import dagster as dg
import pandas as pd

from trading_pipeline.assets.ensemble import save_model
from trading_pipeline.assets.service import recipe_features, roles, stage_challenger, usable
from trading_pipeline.assets.table_asset import STEP_TAG, table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    load_archive_keys,
    load_panel,
    protocol_in_force,
)
from trading_pipeline.contracts.steps import step_of
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.ensemble.members import members_from_bytes, predict_stack
from trading_pipeline.domain.ensemble.path import fit_rows, window_rows
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.ensemble.training import Panel, training_set
from trading_pipeline.domain.gate.evidence import GateEvidence
from trading_pipeline.domain.gate.gathering import Challenger, gathered_evidence
from trading_pipeline.domain.gate.verdict import decide
from trading_pipeline.domain.memory.replay import replay_keys
from trading_pipeline.domain.splits.training import training_rows
from trading_pipeline.resources import StageRun

LATENCY_ROWS = 500
LATENCY_REPEATS = 7

# Nothing computes it: people decide, and each decision shows here as it is made.
decisions = dg.AssetsDefinition(
    specs=[
        dg.AssetSpec(
            ["gate", "decisions"],
            deps=[["gate", "verdicts"], ["ensemble", "deployed"]],
            group_name="gate",
            kinds={"duckdb"},
            tags={STEP_TAG: step_of("gate.decisions").tag},
            description="Who was put in service, by whom and why; `promote` and `rollback` write"
            " it.",
        )
    ]
)


@table_asset(
    "gate.verdicts",
    reads=("ensemble.scores", "ensemble.holdout", "ensemble.model", "backtest.summary"),
    settings=("gate", "labels"),
)
def verdicts(run: StageRun) -> TableResult:
    """Every criterion with its number; a verdict proposes, a human moves the champion."""
    evidence = gather_evidence(run)
    verdict = decide(evidence, run.config.gate)
    table = verdict.frame()
    # A duration differs from run to run: it is judged, and shown beside the table's values.
    is_latency = table["criterion"] == "latency_ms"
    table["seconds"] = (table["value"] / 1000.0).where(is_latency)
    table["value"] = table["value"].mask(is_latency)
    return TableResult(
        table,
        {
            "verdict": verdict.verdict,
            "criteria passed": int((table["is_passed"] == True).sum()),  # noqa: E712
            "criteria failed": int((table["is_passed"] == False).sum()),  # noqa: E712
            "not assessable": int(table["is_passed"].isna().sum()),
            "hold-out reads": evidence.holdout_reads,
            "why": "; ".join(verdict.reasons),
        },
    )


def gather_evidence(run: StageRun) -> GateEvidence:
    """Return what is known about the challenger."""
    scores, files = run.table("ensemble.scores"), run.table("ensemble.model")
    protocol_id, version = str(scores["protocol_id"].iloc[0]), str(files["model_version"].iloc[0])
    reads = run.read(
        "select count(*) as n from splits.holdout_reads where protocol_id = $protocol_id",
        protocol_id=protocol_id,
    )
    challenger = Challenger(
        model_version=version,
        recipe_id=str(files["recipe_id"].iloc[0]),
        protocol_id=protocol_id,
        holdout_reads=int(reads["n"].iloc[0]),
        latency_ms=_latency_ms(run, version),
        model_mb=float(files["n_bytes"].sum()) / 1e6,
        **_champion_words(run),
    )
    return gathered_evidence(
        challenger,
        scores,
        run.table("ensemble.holdout"),
        run.table("backtest.summary"),
        run.config.labels.horizon_sessions,
        run.config.gate,
    )


def _champion_words(run: StageRun) -> dict[str, str]:
    """Return how the verdict speaks of a champion that is in service and cannot be loaded."""
    champion = roles(run)["champion"]
    if champion is None or usable(run, champion):
        return {}
    return {"no_champion": f"champion {champion} cannot be loaded"}


def _latency_ms(run: StageRun, version: str) -> float:
    """Return the CPU time of predicting ``LATENCY_ROWS`` rows before the hold-out.

    The least of some repeats: what the model needs, not what else the machine was doing.
    """
    recipe, members, stack = members_from_bytes(run.load_model(version), threads=1)
    end = pd.Timestamp(protocol_in_force(run).holdout_start) - pd.Timedelta(days=1)
    begin, features = end - pd.Timedelta(days=60), recipe_features(run, version)
    panel = load_panel(run, begin, end, features, recipe.ranked)
    rows = panel.X.iloc[:LATENCY_ROWS]
    regime = panel.rows["regime"].iloc[:LATENCY_ROWS]
    times = []
    for _ in range(LATENCY_REPEATS):
        began = time.process_time()
        predict_stack(members, stack, rows, regime)
        times.append(time.process_time() - began)
    return 1000.0 * min(times) * LATENCY_ROWS / len(rows)


@table_asset(
    "ensemble.deployed",
    reads=(
        *TRAINING_READS,
        "ensemble.oof",
        "ensemble.model",
        "ensemble.holdout",
        "gate.verdicts",
    ),
    settings=(*TRAINING_SETTINGS, "gate.auto_promote", "gate.shadow_sessions"),
    kinds=("lightgbm", "xgboost", "catboost"),
)
def deployed(run: StageRun) -> TableResult:
    """The judged recipe, refitted on every label closed by now: the version that runs in shadow."""
    protocol = protocol_in_force(run)
    judged = run.table("ensemble.model").iloc[0]
    recipe, _, stack = members_from_bytes(
        run.load_model(str(judged["model_version"])), threads=run.config.runtime.threads
    )
    features = recipe_features(run, str(judged["model_version"]))
    panel, last_session = closed_panel(
        run, pd.Timestamp(protocol.train_start), features, recipe.ranked
    )
    candidates = training_rows(
        panel.rows,
        None,
        last_session + 1,
        run.config.splits.window_sessions,
        load_archive_keys(run),
    )
    sampling = run.config.sampling
    # What was said live comes from the run before: the words of this one follow its refit.
    resolved = run.query("memory/resolved") if sampling.use_replay else None
    followed = run.hash("outcomes.resolved") if sampling.use_replay else ""
    chosen = training_set(
        panel,
        candidates,
        sampling,
        run.config.memory,
        run.config.ensemble.seed,
        replay_keys(resolved, panel.rows, last_session + 1, sampling),
    )
    members = fit_rows(recipe, panel.X, panel, chosen, run.config.runtime)
    trained = window_rows(panel, candidates)
    as_of = run.read("select max(session_date) as d from bars.daily")["d"].iloc[0]
    data = hashlib.sha256(
        f"{recipe.recipe_id}{run.code_version}{run.hash('features.daily')}"
        f"{run.hash('labels.direction')}{followed}".encode()
    ).hexdigest()
    version = f"{as_of:%Y%m%d}-{data[:8]}"
    scores = run.read(
        "select session, probability from ensemble.holdout where learner = $stack", stack=STACK
    )
    table = save_model(
        run, version, recipe, members, stack, trained, len(chosen.rows), last_session, scores
    )
    table["protocol_id"] = protocol.protocol_id
    verdict = str(run.read("select any_value(verdict) as v from gate.verdicts")["v"].iloc[0])
    stage_challenger(run, version, verdict)
    held = roles(run)
    return TableResult(
        table,
        {
            "model version": version,
            "trained to": f"{trained['session_date'].max():%Y-%m-%d}",
            "champion": held["champion"] or "none",
            "shadow": held["shadow"] or "none",
            "training rows": len(chosen.rows),
        },
    )


def closed_panel(
    run: StageRun, first_date: pd.Timestamp, features: Sequence[str], ranked: Sequence[str]
) -> tuple[Panel, int]:
    """Return every labelled row from a date on, and the last session of the data."""
    last = run.read("select max(session_date) as d, max(session) as s from bars.daily").iloc[0]
    return load_panel(run, first_date, last["d"], features, ranked), int(last["s"])
