"""Ensemble stage: out-of-fold rows, the judged model, and the one look at the hold-out.

sweeps.best  ->  ensemble.oof  ->  ensemble.model  ->  ensemble.holdout  ->  ensemble.scores
"""

import json
from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from trading_pipeline.assets.service import in_service, roles, usable
from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    load_panel,
    protocol_in_force,
    training_fingerprint,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.contracts.vocabulary import BASELINES
from trading_pipeline.domain.ensemble.baselines import baselines
from trading_pipeline.domain.ensemble.effects import turned_over
from trading_pipeline.domain.ensemble.fitting import left_out_words
from trading_pipeline.domain.ensemble.members import (
    Member,
    members_from_bytes,
    members_to_bytes,
)
from trading_pipeline.domain.ensemble.path import (
    fit_rows,
    window_rows,
)
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.ensemble.scores import score_holdout
from trading_pipeline.domain.ensemble.stack import STACK, Stack
from trading_pipeline.domain.ensemble.training import Panel, TrainingSet, judged_rows
from trading_pipeline.domain.gate.gathering import CHAMPION
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.resources import StageRun

TRAINING_FILE = "training.json"
SCORES_FILE = "holdout_scores.json"


@table_asset(
    "ensemble.oof",
    reads=(*TRAINING_READS, "sweeps.best", "features.selected"),
    settings=("ensemble", "features", *TRAINING_SETTINGS),
    kinds=("lightgbm", "xgboost", "catboost"),
    fingerprint=lambda run: training_fingerprint(run, "sweeps.best", "features.selected"),
)
def oof(run: StageRun) -> TableResult:
    """Walk-forward probabilities of rows no model had seen; the first block has none."""
    span = TrainingSpan.load(run)
    best = run.table("sweeps.best")
    blocks = [block for block in span.blocks if block != FINAL_BLOCK]
    recipes = {block: span.recipe(block, best, span.selected(block)) for block in span.blocks}
    sets: dict[int, TrainingSet] = {}

    def on_block(block: int, chosen: TrainingSet, _members: tuple[Member, ...]) -> None:
        sets[block] = chosen
        run.advance(len(sets), len(blocks), "blocks fitted")

    base_rows = span.out_of_fold(recipes, {b: span.tested(b) for b in blocks}, on_block)
    final = recipes[FINAL_BLOCK].keeping(set(base_rows["learner"]))
    stacked = span.stack_oof(span.second_level_rows(base_rows, final), final)
    table = pd.concat([base_rows, stacked], ignore_index=True)
    return TableResult(
        table,
        {
            "blocks": len(sets),
            "learners": ", ".join(sorted(table["learner"].unique())),
            "left out": left_out_words(span.failed),
            **{f"training rows, block {b}": len(s.rows) for b, s in sets.items()},
            "sampling notes": "; ".join(sorted({n for s in sets.values() for n in s.notes}))
            or "none",
            "plot": run.plot("oof", "out-of-fold AUC by block", oof=table),
        },
    )


def judged_version(recipe_id: str, protocol_id: str, fitted_from: Mapping[str, str]) -> str:
    """Return the name of a judged model: another code or content gives another name.

    A stored model is never replaced, so one recipe fitted again from other rows needs its own.
    """
    return f"judged-{recipe_id[:8]}-{protocol_id[:8]}-{digest(fitted_from)[:8]}"


@table_asset(
    "ensemble.model",
    reads=(*TRAINING_READS, "ensemble.oof", "sweeps.best", "features.selected"),
    settings=("ensemble", "features", *TRAINING_SETTINGS),
    kinds=("lightgbm", "xgboost", "catboost", "scikitlearn"),
    fingerprint=lambda run: training_fingerprint(
        run, "ensemble.oof", "sweeps.best", "features.selected"
    ),
)
def model(run: StageRun) -> TableResult:
    """The model the gate judges: base learners on the whole training span, stacked, calibrated."""
    span = TrainingSpan.load(run)
    best = run.table("sweeps.best")
    oof = run.table("ensemble.oof")
    recipe = span.recipe(FINAL_BLOCK, best, span.selected(FINAL_BLOCK))
    recipe = recipe.keeping(set(oof["learner"]))
    chosen = span.final_training_set()
    members = span.fit(FINAL_BLOCK, recipe, chosen)
    recipe = recipe.keeping({member.recipe.learner for member in members})
    stack = span.fit_stack(span.second_level_rows(oof, recipe), recipe)
    version = judged_version(
        recipe.recipe_id,
        span.protocol.protocol_id,
        {"code": run.code_version, **training_fingerprint(run, "ensemble.oof")},
    )
    table = save_model(
        run,
        version,
        recipe,
        members,
        stack,
        window_rows(span.panel, span.candidates(FINAL_BLOCK)),
        len(chosen.rows),
        span.protocol.holdout_opens - 1,
    )
    table["protocol_id"] = span.protocol.protocol_id
    return TableResult(
        table,
        {
            "recipe": recipe.recipe_id[:12],
            "model version": version,
            "left out": left_out_words(span.failed),
            "training rows": len(chosen.rows),
            "megabytes": round(float(table["n_bytes"].sum()) / 1e6, 2),
            "sampling notes": "; ".join(chosen.notes) or "none",
        },
    )


def save_model(
    run: StageRun,
    version: str,
    recipe: Recipe,
    members: tuple[Member, ...],
    stack: Stack,
    trained: pd.DataFrame,
    n_rows: int,
    as_of_session: int,
    scores: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Store a model's files; return the columns of ensemble.model but the protocol.

    ``trained`` holds the rows of the rolling window, whose sessions drift later compares with;
    ``scores`` session and probability over the hold-out, with which it compares live ones.
    """
    files = members_to_bytes(recipe, members, stack)
    span = {
        "first_session": int(trained["session"].min()),
        "last_session": int(trained["session"].max()),
        "as_of_session": as_of_session,
    }
    files[TRAINING_FILE] = json.dumps(span, sort_keys=True).encode()
    if scores is not None:
        ordered = scores.sort_values(["session", "probability"])
        kept = {name: ordered[name].tolist() for name in ("session", "probability")}
        files[SCORES_FILE] = json.dumps(kept).encode()
    return stored_files(run, version, recipe, files, trained, n_rows)


def stored_files(
    run: StageRun,
    version: str,
    recipe: Recipe,
    files: Mapping[str, bytes],
    trained: pd.DataFrame,
    n_rows: int,
) -> pd.DataFrame:
    """Store files of a model; return a row each: the columns of ensemble.model but the protocol.

    ``trained`` has the session_date of the rows it was fitted on.
    """
    by_learner = {member.learner: member for member in recipe.members}
    rows = []
    for file in run.save_model(version, files):
        own = by_learner.get(file.member)
        rows.append(
            {
                "model_version": version,
                "recipe_id": recipe.recipe_id,
                "member": file.member,
                "path": file.path,
                "sha256": file.sha256,
                "n_bytes": file.n_bytes,
                "params_json": json.dumps(dict(own.params), sort_keys=True) if own else "{}",
                "n_features": len(own.features) if own else len(by_learner),
                "n_rows": n_rows,
                "train_start": trained["session_date"].min(),
                "train_end": trained["session_date"].max(),
            }
        )
    return pd.DataFrame(rows)


HOLDOUT_READS = (
    *TRAINING_READS,
    "features.selected",
    "ensemble.oof",
    "ensemble.model",
    "splits.holdout",
)


@table_asset(
    "ensemble.holdout",
    reads=HOLDOUT_READS,
    settings=TRAINING_SETTINGS,
    kinds=("scikitlearn",),
    fingerprint=lambda run: {
        **{table: run.hash(table) for table in HOLDOUT_READS},
        "champion": in_service(run)["champion"],
    },
)
def holdout(run: StageRun) -> TableResult:
    """The one asset that reads the hold-out: stack, learners, three baselines, and champion."""
    span = TrainingSpan.load(run)
    version = str(run.read("select any_value(model_version) as v from ensemble.model")["v"].iloc[0])
    recipe, members, stack = members_from_bytes(
        run.load_model(version), threads=run.config.runtime.threads
    )
    panel = judged_panel(run, span)
    if panel.rows.empty:
        raise InputError(
            "the hold-out holds no closed label; lower labels.min_symbols or bring more sessions"
        )
    predictions = span.judge(members, stack, panel)
    chosen = span.final_training_set()
    beside = baselines(span, chosen, panel, span.selected(FINAL_BLOCK))
    predictions = pd.concat([predictions, beside], axis=1)
    champion = usable(run, roles(run)["champion"])
    if champion is not None:
        files = run.load_model(champion)
        own, _, its_stack = members_from_bytes(files, threads=run.config.runtime.threads)
        if own.recipe_id == recipe.recipe_id:
            predictions[CHAMPION] = predictions[STACK]
        else:
            X, judged = as_seen_by(own, run, span, panel)
            refitted = fit_rows(own, X, span.panel, chosen, run.config.runtime)
            predictions[CHAMPION] = span.judge(refitted, its_stack, judged)[STACK]
    record_read(run, span.protocol.protocol_id, recipe.recipe_id, panel)
    table = judged_rows(panel, predictions).assign(protocol_id=span.protocol.protocol_id)
    stacked = table[table["learner"] == STACK]
    return TableResult(
        table,
        {
            "recipe": recipe.recipe_id[:12],
            "champion": champion or "none",
            "mean probability": round(float(stacked["probability"].mean()), 4),
            "share of label 1": round(float(stacked["label"].mean()), 4),
            "beside them": ", ".join(BASELINES),
            "plot": run.plot("roc", "hold-out ROC by regime", holdout=table),
        },
    )


def judged_panel(run: StageRun, span: TrainingSpan) -> Panel:
    """Return the hold-out's labelled rows."""
    return load_panel(
        run,
        pd.Timestamp(span.protocol.holdout_start),
        pd.Timestamp(span.protocol.holdout_end),
        list(span.panel.X.columns),
        span.ranked,
    )


def as_seen_by(
    recipe: Recipe, run: StageRun, span: TrainingSpan, judged: Panel
) -> tuple[pd.DataFrame, Panel]:
    """Return the training span's features and the hold-out as a recipe reads them.

    Ranks within the session or levels, which may be other than this run's.
    """
    if bool(recipe.ranked) == bool(span.ranked):
        return span.panel.X, judged
    other = TrainingSpan.load(replace(run, config=turned_over(run.config, "session_ranks")))
    return other.panel.X, judged_panel(run, other)


def record_read(
    run: StageRun,
    protocol_id: str,
    recipe_id: str,
    panel: Panel,
    labels: str = "labels.direction",
) -> None:
    """Count one read of the hold-out per data version, protocol and recipe."""
    data = run.hash(
        labels,
        "session_date between $first and $last",
        first=panel.rows["session_date"].min(),
        last=panel.rows["session_date"].max(),
    )
    known = run.read(
        "select 1 from splits.holdout_reads where protocol_id = $protocol_id"
        " and recipe_id = $recipe_id and data_version = $data",
        protocol_id=protocol_id,
        recipe_id=recipe_id,
        data=data,
    )
    if known.empty:
        row = {
            "protocol_id": protocol_id,
            "data_version": data,
            "recipe_id": recipe_id,
            "run_id": run.run_id,
            "read_at": pd.Timestamp.now(tz="UTC"),
        }
        run.warehouse.append("splits.holdout_reads", pd.DataFrame([row]))


@table_asset("ensemble.scores", reads=("ensemble.holdout",), settings=("gate", "labels"))
def scores(run: StageRun) -> TableResult:
    """AUC, Rank IC and calibration over the hold-out, by regime, each with n and an interval."""
    table = score_holdout(
        run.table("ensemble.holdout"), run.config.labels.horizon_sessions, run.config.gate
    ).assign(protocol_id=protocol_in_force(run).protocol_id)
    whole = table[(table["learner"] == STACK) & (table["regime"] == "all")].iloc[0]
    return TableResult(
        table,
        {
            "AUC": f"{whole['auc']:.4f} [{whole['auc_low']:.4f}, {whole['auc_high']:.4f}]",
            "Rank IC": round(float(whole["rank_ic"]), 4),
            "calibration error": round(float(whole["ece"]), 4),
            "independent horizons": round(float(whole["n_horizons"]), 1),
            "plot": run.plot("scores", "hold-out AUC with intervals", scores=table),
        },
    )
