"""Sweeps stage: hyper-parameter search, every trial kept.

training span, features.selected  ->  one asset per learner  ->  sweeps.trials  ->  sweeps.best
"""

import time

import dagster as dg
import numpy as np
import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
    tuned_blocks,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import SqlSelect, TableResult
from trading_pipeline.domain.ensemble.training import thinned, training_set
from trading_pipeline.domain.splits.purged import purged_inner_folds
from trading_pipeline.domain.splits.training import TrainingRows
from trading_pipeline.domain.sweeps.search import (
    Folds,
    SearchData,
    best_trials,
    canary_auc,
    search,
)
from trading_pipeline.domain.sweeps.trial_book import Outcomes
from trading_pipeline.resources import StageRun

LEARNERS = ("lightgbm", "xgboost", "catboost")
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


def search_data(span: TrainingSpan, block: int) -> tuple[SearchData, Folds]:
    """Return the thinned rows a block's search may see, and its inner purged folds.

    Each inner fold trains on a balanced sample of its own training rows, and is scored on
    natural ones.
    """
    config = span.run.config
    candidates = thinned(span.panel, span.candidates(block), config.sweeps.every_nth_session)
    keys = span.panel.rows.iloc[candidates.rows]
    try:
        inner = purged_inner_folds(
            keys["start_session"].to_numpy(np.int64),
            keys["end_session"].to_numpy(np.int64),
            config.sweeps.inner_folds,
            config.splits.embargo_sessions,
        )
    except ValueError as error:
        raise InputError(
            f"the search of block {block} has too short a training span ({error}); give earlier "
            "bars, fewer splits.n_folds or sweeps.inner_folds, or a shorter splits.embargo_sessions"
        ) from None
    position = np.full(len(span.panel.rows), -1, dtype=np.intp)
    position[candidates.rows] = np.arange(candidates.rows.size)
    weights = np.ones(candidates.rows.size)
    folds = []
    for train, test in inner:
        own = TrainingRows(candidates.rows[train], candidates.event[train])
        chosen = training_set(span.panel, own, config.sampling, config.memory, config.sweeps.seed)
        rows = position[chosen.rows]
        # A row weighs the same in every fold, so one vector serves them all.
        weights[rows] = chosen.weights
        folds.append((rows, test))
    columns = span.selected(block)
    places = {name: i for i, name in enumerate(columns)}
    data = SearchData(
        X=span.panel.matrix(candidates.rows, columns),
        y=span.panel.label[candidates.rows],
        weight=weights.astype(np.float32),
        windows={group: tuple(choices) for group, choices in span.groups.items()},
        columns_for=lambda choice: [
            places[name]
            for name in span.columns_of(columns, {k: str(v) for k, v in choice.items()})
        ],
        outcomes=Outcomes(
            keys["session"].to_numpy(np.int64),
            keys["excess_return_frac"].to_numpy(np.float64),
            config.labels.horizon_sessions,
        ),
    )
    return data, folds


def sweep_asset(learner: str) -> dg.AssetsDefinition:
    """Return the asset that searches one learner's parameters for every block."""

    def compute(run: StageRun) -> TableResult:
        config = run.config.sweeps
        if learner not in config.learners:
            empty = pd.DataFrame({name: [] for name in TRIAL_COLUMNS})
            return TableResult(empty, {"why empty": f"sweeps.learners leaves {learner} out"})
        span = TrainingSpan.load(run)
        blocks = tuned_blocks(span.protocol)
        parts, hopeless = [], []
        for number, block in enumerate(blocks):
            data, folds = search_data(span, block)
            canary = canary_auc(data, folds, seed=config.seed, threads=run.config.runtime.threads)
            # A canary without skill stops the search: the fixed default is tried, nothing more.
            has_skill = canary > config.canary_min_auc
            if not has_skill:
                hopeless.append(f"block {block}: canary AUC {canary:.4f}")
            parts.append(
                search(
                    learner,
                    data,
                    folds=folds,
                    n_trials=config.n_trials if has_skill else 1,
                    max_rounds=config.max_rounds,
                    sweep_id=f"{learner}:{span.protocol.protocol_id}:{block}",
                    block=block,
                    seed=config.seed,
                    threads=run.config.runtime.threads,
                    timer=time.perf_counter,
                )
            )
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
        kinds=(learner, "optuna"),
        fingerprint=lambda run: training_fingerprint(run, "features.selected"),
    )(compute)


lightgbm, xgboost, catboost = (sweep_asset(learner) for learner in LEARNERS)


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
    """The winning trial per learner and block."""
    table = best_trials(run.table("sweeps.trials"))
    final = table[table["block"] == 0].set_index("learner")["auc"]
    return TableResult(
        table,
        {
            "blocks": int(table["block"].nunique()),
            **{f"{name}, final fit: inner AUC": round(float(v), 4) for name, v in final.items()},
        },
    )
