"""Sweeps stage: hyper-parameter search, every trial kept.

training span, features.selected  ->  one asset per learner  ->  sweeps.trials  ->  sweeps.best
"""

import time

import dagster as dg
import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import SqlSelect, TableResult
from trading_pipeline.domain.ensemble.fitting import left_out_words
from trading_pipeline.domain.sweeps.learners import LEARNERS
from trading_pipeline.domain.sweeps.search import best_trials, failed_learners
from trading_pipeline.resources import StageRun

LIBRARIES = {name: name for name in ("lightgbm", "xgboost", "catboost")} | {"gru": "pytorch"}
TRIAL_COLUMNS = (
    "sweep_id",
    "learner",
    "block",
    "trial",
    "state",
    "params_json",
    "fold_scores_json",
    "auc",
    "best_round",
    "n_rows",
    "seconds",
    "returns_json",
)


def sweep_asset(learner: str) -> dg.AssetsDefinition:
    """Return the asset that searches one learner's parameters for every block."""

    def compute(run: StageRun) -> TableResult:
        config = run.config.sweeps
        if learner not in config.learners:
            empty = pd.DataFrame({name: [] for name in TRIAL_COLUMNS})
            return TableResult(empty, {"why empty": f"sweeps.learners leaves {learner} out"})
        span = TrainingSpan.load(run)
        blocks = span.blocks
        parts, hopeless = [], []
        for number, block in enumerate(blocks):
            data, folds = span.search_data(block, span.selected(block))
            canary = span.canary(data, folds)
            # A canary without skill stops the search: the fixed default is tried, nothing more.
            if not span.has_skill(canary):
                hopeless.append(f"block {block}: canary AUC {canary:.4f}")
            parts.append(span.search(learner, block, data, folds, canary, time.perf_counter))
            run.advance(number + 1, len(blocks), "blocks searched")
        trials = pd.concat(parts, ignore_index=True)
        complete = trials.loc[trials["state"] == "complete"]
        return TableResult(
            trials,
            {
                "blocks searched": len(blocks),
                "trials complete": len(complete),
                "trials pruned": int((trials["state"] == "pruned").sum()),
                "trials failed": int((trials["state"] == "failed").sum()),
                "left out": left_out_words(failed_learners(trials)),
                "best inner AUC": round(float(complete["auc"].max()), 4),
                "rows searched on": int(trials["n_rows"].max()),
                "stopped by the canary": "; ".join(hopeless) or "none",
                "plot": run.plot("sweep_history", f"trials of {learner}", trials=trials),
            },
        )

    compute.__doc__ = f"Every trial of {learner}: parameters, windows, fold scores, seconds."
    return table_asset(
        f"sweeps.{learner}",
        reads=(*TRAINING_READS, "features.selected"),
        settings=("sweeps", "features", *TRAINING_SETTINGS),
        kinds=(LIBRARIES.get(learner, "scikitlearn"), "optuna"),
        fingerprint=lambda run: training_fingerprint(run, "features.selected"),
    )(compute)


(
    lightgbm,
    xgboost,
    catboost,
    gradient_boosting,
    random_forest,
    extra_trees,
    mlp,
    logistic,
    svm,
    gru,
) = (sweep_asset(learner) for learner in LEARNERS)


@table_asset(
    "sweeps.trials",
    reads=tuple(f"sweeps.{learner}" for learner in LEARNERS),
    kinds=("duckdb",),
)
def trials(run: StageRun) -> TableResult:
    """All trials of all learners; DSR counts every one of them."""
    columns = ", ".join(TRIAL_COLUMNS)
    union = " union all ".join(f"select {columns} from sweeps.{name}" for name in LEARNERS)
    shown = run.read(union)
    return TableResult(
        SqlSelect(union),
        {
            "learners": ", ".join(sorted(shown["learner"].unique())),
            "failed": int((shown["state"] == "failed").sum()),
            "best inner AUC": round(float(shown["auc"].max()), 4),
            "plot": run.plot("sweep_history", "trials of all learners", trials=shown),
        },
    )


@table_asset("sweeps.best", reads=("sweeps.trials",))
def best(run: StageRun) -> TableResult:
    """The winning trial per learner and block; a learner that failed in a block is left out."""
    trials = run.table("sweeps.trials")
    failed = failed_learners(trials)
    if failed and set(failed) == set(trials["learner"]):
        raise InputError(f"no learner could be searched: {left_out_words(failed)}")
    table = best_trials(trials[~trials["learner"].isin(list(failed))])
    final = table[table["block"] == 0].set_index("learner")["auc"]
    return TableResult(
        table,
        {
            "blocks": int(table["block"].nunique()),
            "left out": left_out_words(failed),
            **{f"{name}, final fit: inner AUC": round(float(v), 4) for name, v in final.items()},
        },
    )
