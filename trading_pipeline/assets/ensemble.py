"""Ensemble stage: out-of-fold rows, the judged model, and the one look at the hold-out.

sweeps.best  ->  ensemble.oof  ->  ensemble.model  ->  ensemble.holdout  ->  ensemble.scores
"""

import json
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from trading_pipeline.assets.service import roles
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    FINAL_BLOCK,
    TRAINING_READS,
    TRAINING_SETTINGS,
    VOLATILITY_FEATURES,
    TrainingSpan,
    block_opens,
    block_training_set,
    final_training_set,
    load_panel,
    protocol_in_force,
    training_fingerprint,
    tuned_blocks,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.baselines import VOLATILITY_ONLY, volatility_only
from trading_pipeline.domain.ensemble.members import (
    Member,
    fit_base_learners,
    members_from_bytes,
    members_to_bytes,
    predict_base,
    predict_stack,
)
from trading_pipeline.domain.ensemble.recipe import Recipe, build_recipe
from trading_pipeline.domain.ensemble.scores import score_holdout
from trading_pipeline.domain.ensemble.stack import STACK, Stack, fit_stack, stack_oof, wide_oof
from trading_pipeline.domain.ensemble.training import Panel, TrainingSet
from trading_pipeline.domain.ensemble.walk_forward import OofBlock, walk_forward_oof
from trading_pipeline.domain.splits.training import TrainingRows
from trading_pipeline.domain.sweeps.spaces import Candidate
from trading_pipeline.resources import StageRun

CHAMPION = "champion"
TRAINING_FILE = "training.json"


def recipe_of_block(span: TrainingSpan, best: pd.DataFrame, block: int) -> Recipe:
    """Return the recipe that a block's winning trials make."""
    config = span.run.config
    own = best[best["block"] == block]
    features: dict[str, list[str]] = {}
    for row in own.to_dict("records"):
        candidate = Candidate.from_record(json.loads(row["params_json"]))
        windows = {group: str(choice) for group, choice in candidate.windows.items()}
        features[row["learner"]] = span.columns(block, windows)
    return build_recipe(
        own,
        features,
        ensemble=config.ensemble,
        sampling=config.sampling,
        labels=config.labels,
        splits=config.splits,
    )


def fit_on(panel: Panel, chosen: TrainingSet, recipe: Recipe, threads: int) -> tuple[Member, ...]:
    """Fit a recipe's base learners on the chosen rows of a panel."""
    return fit_base_learners(
        recipe,
        panel.X.iloc[chosen.rows],
        panel.label[chosen.rows],
        chosen.weights,
        threads=threads,
    )


def out_of_fold(
    span: TrainingSpan, best: pd.DataFrame, on_block: Callable[[int, int], None]
) -> tuple[pd.DataFrame, dict[int, TrainingSet]]:
    """Return the base learners' walk-forward rows, and what each block was fitted on.

    Blocks are fitted in order: errors made in one may return to the training of a later one.
    ``on_block`` is told how many blocks of how many are done.
    """
    opens, keys = block_opens(span.protocol), span.panel.rows
    blocks = [block for block in tuned_blocks(span.protocol) if block != FINAL_BLOCK]
    sets: dict[int, TrainingSet] = {}
    parts: list[pd.DataFrame] = []

    def fit_predict(
        block: int, _train: np.ndarray, _labels: np.ndarray, test: np.ndarray
    ) -> Mapping[str, np.ndarray]:
        recipe = recipe_of_block(span, best, block)
        members = fit_on(span.panel, sets[block], recipe, span.run.config.runtime.threads)
        base = predict_base(members, span.panel.X.iloc[test])
        return {name: base[name].to_numpy() for name in base.columns}

    for done, block in enumerate(blocks, start=1):
        earlier = pd.concat(parts, ignore_index=True) if parts else None
        sets[block] = block_training_set(span, block, earlier)
        train = sets[block].rows
        if (keys["end_session"].to_numpy()[train] >= opens[block]).any():
            raise ValueError(f"block {block} would train on a label that reaches into it")
        part = OofBlock(block, train, test_rows(span.run, keys, block))
        parts.append(walk_forward_oof(keys, [part], fit_predict))
        on_block(done, len(blocks))
    return pd.concat(parts, ignore_index=True), sets


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
    base_rows, sets = out_of_fold(
        span, best, lambda done, total: run.advance(done, total, "blocks fitted")
    )
    wide = wide_oof(base_rows, span.panel.rows)
    config = run.config.ensemble
    stacked = stack_oof(
        wide,
        learners=tuple(sorted(best["learner"].unique())),
        kind=config.meta_learner,
        seed=config.seed,
    )
    table = pd.concat([base_rows, stacked], ignore_index=True)
    return TableResult(
        table,
        {
            "blocks": len(sets),
            "learners": ", ".join(sorted(table["learner"].unique())),
            **{f"training rows, block {b}": len(s.rows) for b, s in sets.items()},
            "sampling notes": "; ".join(sorted({n for s in sets.values() for n in s.notes}))
            or "none",
            "plot": run.plot("oof", "out-of-fold AUC by block", oof=table),
        },
    )


def test_rows(run: StageRun, keys: pd.DataFrame, block: int) -> np.ndarray:
    """Return the panel's rows that the fold table gives a block to test."""
    tested = run.read(
        "select symbol, session_date, true as is_tested from splits.folds"
        " where fold = $block and role = 'test'",
        block=block,
    )
    found = keys[["symbol", "session_date"]].merge(tested, how="left", validate="one_to_one")
    return np.flatnonzero(found["is_tested"].notna().to_numpy())


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
    recipe = recipe_of_block(span, run.table("sweeps.best"), FINAL_BLOCK)
    stack = fit_second_level(run, span.panel, recipe)
    chosen = final_training_set(span)
    members = fit_on(span.panel, chosen, recipe, run.config.runtime.threads)
    version = f"judged-{recipe.recipe_id[:8]}-{span.protocol.protocol_id[:8]}"
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
            "training rows": len(chosen.rows),
            "megabytes": round(float(table["n_bytes"].sum()) / 1e6, 2),
            "sampling notes": "; ".join(chosen.notes) or "none",
        },
    )


def window_rows(panel: Panel, candidates: TrainingRows) -> pd.DataFrame:
    """Return the candidates of the rolling window, without those only the archive brings."""
    in_window = np.array([name is None for name in candidates.event], dtype=bool)
    inside: pd.DataFrame = panel.rows.iloc[candidates.rows[in_window]]
    return inside


def fit_second_level(run: StageRun, panel: Panel, recipe: Recipe) -> Stack:
    """Fit meta-learner and calibration on the out-of-fold rows."""
    config = run.config.ensemble
    return fit_stack(
        wide_oof(run.table("ensemble.oof"), panel.rows),
        learners=recipe.learners,
        kind=config.meta_learner,
        calibration=config.calibration,
        calibration_frac=config.calibration_frac,
        seed=config.seed,
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
) -> pd.DataFrame:
    """Store a model's files; return the columns of ensemble.model but the protocol.

    ``trained`` holds the rows of the rolling window, whose sessions drift later compares with.
    """
    by_learner = {member.recipe.learner: member.recipe for member in members}
    files = members_to_bytes(recipe, members, stack)
    span = {
        "first_session": int(trained["session"].min()),
        "last_session": int(trained["session"].max()),
        "as_of_session": as_of_session,
    }
    files[TRAINING_FILE] = json.dumps(span, sort_keys=True).encode()
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


HOLDOUT_READS = (*TRAINING_READS, "ensemble.oof", "ensemble.model", "splits.holdout")


@table_asset(
    "ensemble.holdout",
    reads=HOLDOUT_READS,
    settings=TRAINING_SETTINGS,
    kinds=("scikitlearn",),
    fingerprint=lambda run: {
        **{table: run.hash(table) for table in HOLDOUT_READS},
        "champion": str(roles(run)["champion"]),
    },
)
def holdout(run: StageRun) -> TableResult:
    """The one asset that reads the hold-out: stack, learners, volatility only, and champion."""
    span = TrainingSpan.load(run)
    version = str(run.read("select any_value(model_version) as v from ensemble.model")["v"].iloc[0])
    recipe, members, stack = members_from_bytes(
        run.load_model(version), threads=run.config.runtime.threads
    )
    panel = load_panel(
        run,
        pd.Timestamp(span.protocol.holdout_start),
        pd.Timestamp(span.protocol.holdout_end),
        list(span.panel.X.columns),
    )
    if panel.rows.empty:
        raise InputError(
            "the hold-out holds no closed label; lower labels.min_symbols or bring more sessions"
        )
    regime = panel.rows["regime"].replace(UNKNOWN_REGIME, np.nan)
    predictions = predict_stack(members, stack, panel.X, regime)
    chosen = final_training_set(span)
    predictions[VOLATILITY_ONLY] = volatility_only(
        span.panel.X.iloc[chosen.rows],
        span.panel.label[chosen.rows],
        panel.X,
        features=VOLATILITY_FEATURES,
        sample_weight=chosen.weights,
    )
    champion = roles(run)["champion"]
    if champion is not None:
        files = run.load_model(champion)
        own, _, its_stack = members_from_bytes(files, threads=run.config.runtime.threads)
        if own.recipe_id == recipe.recipe_id:
            predictions[CHAMPION] = predictions[STACK]
        else:
            refitted = fit_on(span.panel, chosen, own, run.config.runtime.threads)
            predictions[CHAMPION] = predict_stack(refitted, its_stack, panel.X, regime)[STACK]
    record_read(run, span.protocol.protocol_id, recipe.recipe_id, panel)
    keys = panel.rows[
        ["symbol", "session_date", "session", "label", "excess_return_frac", "regime"]
    ]
    parts = [keys.assign(learner=str(name), probability=predictions[name]) for name in predictions]
    table = pd.concat(parts, ignore_index=True).assign(protocol_id=span.protocol.protocol_id)
    stacked = table[table["learner"] == STACK]
    return TableResult(
        table,
        {
            "recipe": recipe.recipe_id[:12],
            "champion": champion or "none",
            "mean probability": round(float(stacked["probability"].mean()), 4),
            "share of label 1": round(float(stacked["label"].mean()), 4),
            "plot": run.plot("roc", "hold-out ROC by regime", holdout=table),
        },
    )


def record_read(run: StageRun, protocol_id: str, recipe_id: str, panel: Panel) -> None:
    """Count one read of the hold-out per data version, protocol and recipe."""
    data = run.hash(
        "labels.direction",
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
