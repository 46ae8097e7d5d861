"""Sweeps stage: hyper-parameter search, every trial kept.

training span, features.selected  ->  one asset per learner  ->  sweeps.trials  ->  sweeps.best
"""

import time
from collections.abc import Mapping

import dagster as dg
import pandas as pd

from trading_pipeline.assets.incumbents import incumbents
from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import Markdown, SqlSelect, TableResult
from trading_pipeline.domain.ensemble.fitting import left_out_words
from trading_pipeline.domain.sweeps.importance import parameter_importance
from trading_pipeline.domain.sweeps.incumbents import Incumbent
from trading_pipeline.domain.sweeps.learners import LEARNERS
from trading_pipeline.domain.sweeps.search import best_trials, failed_learners
from trading_pipeline.domain.sweeps.trial_book import Costs, book_costs, profit_frac
from trading_pipeline.resources import StageRun

LIBRARIES = {name: name for name in ("lightgbm", "xgboost", "catboost")} | {"gru": "pytorch"}
# Workers and storage are missing: they change no result.
SEARCH_SETTINGS = tuple(
    f"sweeps.{name}"
    for name in (
        "objective",
        "use_search",
        "n_trials",
        "n_new_trials",
        "trials_per_round",
        "inner_folds",
        "every_nth_session",
        "max_rounds",
        "seed",
        "canary_min_auc",
    )
)
COST_SETTINGS = (
    "backtest.half_spread_bps",
    "backtest.slippage_bps",
    "backtest.impact_bps",
    "backtest.max_volume_frac",
    "backtest.commission_bps",
    "backtest.borrow_bps_per_year",
    "labels.horizon_sessions",
)
TRIAL_COLUMNS = (
    "sweep_id",
    "learner",
    "block",
    "trial",
    "origin",
    "state",
    "params_json",
    "fold_scores_json",
    "auc",
    "gross_frac",
    "turnover",
    "best_round",
    "n_rows",
    "seconds",
    "returns_json",
)


def costs_of(run: StageRun) -> Costs:
    """Return what a trial's cheap book pays."""
    return book_costs(run.config.backtest, run.config.labels.horizon_sessions)


def search_fingerprint(run: StageRun, learner: str) -> Mapping[str, str]:
    """Return what a learner's search depends on beside its settings.

    Who is in service is no part of it: it changes after each run, and a search that is up to
    date would start again. Costs are, where they rule the search.
    """
    is_by_profit = run.config.sweeps.objective == "profit"
    return {
        **training_fingerprint(run, "features.selected"),
        "searched": str(learner in run.config.sweeps.learners),
        "costs": digest({name: run.setting(name) for name in COST_SETTINGS})
        if is_by_profit
        else "",
    }


def trial_plots(run: StageRun, trials: pd.DataFrame, whose: str) -> dict[str, Markdown]:
    """Return the pictures of trials: their history, and what their scores depend on."""
    config, costs = run.config.sweeps, costs_of(run)
    gross, turnover = (trials[name].to_numpy("float64") for name in ("gross_frac", "turnover"))
    shown = trials.assign(profit_frac=profit_frac(gross, turnover, costs))
    importance = parameter_importance(
        trials, seed=config.seed, objective=config.objective, costs=costs
    )
    name = f"trials of {whose}"
    return {
        "plot": run.plot("sweep_history", name, trials=shown, objective=config.objective),
        "importance": run.plot("sweep_importance", f"parameters of {whose}", importance=importance),
    }


def sweep_asset(learner: str) -> dg.AssetsDefinition:
    """Return the asset that searches one learner's parameters for every block."""

    def compute(run: StageRun) -> TableResult:
        config = run.config.sweeps
        if learner not in config.learners:
            empty = pd.DataFrame({name: [] for name in TRIAL_COLUMNS})
            return TableResult(empty, {"why empty": f"sweeps.learners leaves {learner} out"})
        span = TrainingSpan.load(run)
        blocks, studies = span.blocks, run.studies()
        starts = incumbents(run, learner, span.protocol, costs_of(run))
        keys = {block: study_key(run, block, starts.get(block)) for block in blocks}
        # A search that was killed goes on; what it was told to compute anew, or of other data,
        # begins again.
        studies.drop(but=frozenset() if run.is_forced else frozenset(keys.values()))
        parts, hopeless, n_resumed = [], [], 0
        for number, block in enumerate(blocks):
            data, folds = span.search_data(block, span.selected(block))
            canary = span.canary(data, folds)
            # A canary without skill stops the search: the fixed default is tried, nothing more.
            if not span.has_skill(canary):
                hopeless.append(f"block {block}: canary AUC {canary:.4f}")
            study = studies.open(keys[block])
            n_resumed += len(study.get_trials(deepcopy=False))
            start = starts.get(block)
            parts.append(
                span.search(
                    learner,
                    block,
                    data,
                    folds,
                    canary,
                    time.perf_counter,
                    start.candidate if start else None,
                    study,
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
                "trials kept of a killed run": n_resumed,
                "starts from": "; ".join(sorted({one.source for one in starts.values()}))
                or "nothing: a cold search",
                "left out": left_out_words(failed_learners(trials)),
                "best inner AUC": round(float(complete["auc"].max()), 4),
                "rows searched on": int(trials["n_rows"].max()),
                "stopped by the canary": "; ".join(hopeless) or "none",
                **trial_plots(run, trials, learner),
            },
            on_written=studies.drop,
        )

    compute.__doc__ = f"Every trial of {learner}: parameters, windows, fold scores, seconds."
    return table_asset(
        f"sweeps.{learner}",
        reads=(*TRAINING_READS, "features.selected"),
        settings=(*SEARCH_SETTINGS, "features", *TRAINING_SETTINGS),
        kinds=(LIBRARIES.get(learner, "scikitlearn"), "optuna"),
        fingerprint=lambda run: search_fingerprint(run, learner),
    )(compute)


def study_key(run: StageRun, block: int, start: Incumbent | None) -> str:
    """Return the name of a block's study: another input is another study."""
    parts = {
        "inputs": run.inputs_version,
        "start": start.candidate.to_record() if start else None,
    }
    return f"{block}-{digest(parts)}"


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
    settings=("sweeps.objective", "sweeps.seed", *COST_SETTINGS),
    kinds=("duckdb",),
)
def trials(run: StageRun) -> TableResult:
    """All trials of all learners; DSR counts every one of them."""
    columns, costs = ", ".join(TRIAL_COLUMNS), costs_of(run)
    union = " union all ".join(f"select {columns} from sweeps.{name}" for name in LEARNERS)
    profit = "gross_frac - $traded * turnover - if(turnover > 0, $held, 0)"
    priced = f"select *, {profit} as profit_frac from ({union})"
    bound = {"traded": costs.traded_frac, "held": costs.held_frac}
    shown = run.read(priced, **bound)
    return TableResult(
        SqlSelect(priced, bound),
        {
            "learners": ", ".join(sorted(shown["learner"].unique())),
            "failed": int((shown["state"] == "failed").sum()),
            "best inner AUC": round(float(shown["auc"].max()), 4),
            "best profit after costs": round(float(shown["profit_frac"].max()), 5),
            **trial_plots(run, shown, "all learners"),
        },
    )


@table_asset(
    "sweeps.best",
    reads=("sweeps.trials",),
    settings=("sweeps.objective",),
)
def best(run: StageRun) -> TableResult:
    """The winning trial per learner and block; a learner that failed in a block is left out."""
    trials = run.table("sweeps.trials")
    failed = failed_learners(trials)
    if failed and set(failed) == set(trials["learner"]):
        raise InputError(f"no learner could be searched: {left_out_words(failed)}")
    table = best_trials(
        trials[~trials["learner"].isin(list(failed))],
        run.config.sweeps.objective,
        costs_of(run),
    )
    final = table[table["block"] == 0].set_index("learner")["auc"]
    return TableResult(
        table,
        {
            "blocks": int(table["block"].nunique()),
            "left out": left_out_words(failed),
            **{f"{name}, final fit: inner AUC": round(float(v), 4) for name, v in final.items()},
        },
    )
