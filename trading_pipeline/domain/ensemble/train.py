"""The whole training path in memory: select, search, fit every block, stack, calibrate, judge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.ensemble.fitting import left_out_words
from trading_pipeline.domain.ensemble.members import Member
from trading_pipeline.domain.ensemble.path import TrainingPath
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.ensemble.stack import Stack
from trading_pipeline.domain.ensemble.training import Panel, Rows, TrainingSet, judged_rows
from trading_pipeline.domain.features.registry import catalog_frame
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.domain.sweeps.search import best_trials
from trading_pipeline.domain.sweeps.trial_book import book_costs


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run of the path left behind, by block where each block has its own.

    `oof` is ensemble.oof, `wide` the second level's input, `holdout` ensemble.holdout without
    the baselines, `chosen` the rows that the judged model was fitted on.
    """

    selected: Mapping[int, pd.DataFrame]
    trials: Mapping[int, pd.DataFrame]
    recipes: Mapping[int, Recipe]
    members: Mapping[int, tuple[Member, ...]]
    chosen: TrainingSet
    oof: pd.DataFrame
    wide: pd.DataFrame
    stack: Stack
    holdout: pd.DataFrame


def train(path: TrainingPath, judged: Panel, timer: Callable[[], float]) -> Trained:
    """Run every step in the order of the assets; `judged` holds the hold-out's rows.

    `timer` gives the seconds that the trials' durations are read from. Raises InputError where a
    learner fails: what is proved here is proved of all of them.
    """
    blocks = path.blocks
    catalogue = catalog_frame(path.registry)
    catalogue = catalogue[catalogue["feature"].isin(path.panel.X.columns)]
    catalogue = catalogue.reset_index(drop=True)
    selected, trials, recipes = {}, {}, {}
    for block in blocks:
        selected[block] = path.select(block, catalogue)
        columns = kept_columns(path, selected[block])
        trials[block] = searched(path, block, columns, timer)
        costs = book_costs(path.config.backtest, path.config.labels.horizon_sessions)
        best = best_trials(trials[block], path.config.sweeps.objective, costs)
        recipes[block] = path.recipe(block, best, columns)
    members: dict[int, tuple[Member, ...]] = {}
    oof = path.out_of_fold(
        recipes,
        rows_tested(path),
        lambda block, _chosen, fitted: members.update({block: fitted}),
    )
    wide = path.second_level_rows(oof, recipes[blocks[-2]])
    stacked = path.stack_oof(wide, recipes[FINAL_BLOCK])
    stack = path.fit_stack(wide, recipes[FINAL_BLOCK])
    chosen = path.training_set(FINAL_BLOCK, oof)
    members[FINAL_BLOCK] = path.fit(FINAL_BLOCK, recipes[FINAL_BLOCK], chosen)
    if path.failed:
        raise InputError(f"learners failed: {left_out_words(path.failed)}")
    predictions = path.judge(members[FINAL_BLOCK], stack, judged)
    return Trained(
        selected=selected,
        trials=trials,
        recipes=recipes,
        members=members,
        chosen=chosen,
        oof=pd.concat([oof, stacked], ignore_index=True),
        wide=wide,
        stack=stack,
        holdout=judged_rows(judged, predictions),
    )


def kept_columns(path: TrainingPath, selected: pd.DataFrame) -> list[str]:
    """Return the features that a block's selection kept, in the panel's order."""
    known = set(selected.loc[selected["is_selected"], "feature"])
    return [name for name in path.panel.X.columns if name in known]


def searched(
    path: TrainingPath, block: int, columns: list[str], timer: Callable[[], float]
) -> pd.DataFrame:
    """Return sweeps.trials of a block, all learners."""
    data, folds = path.search_data(block, columns)
    config = path.config.sweeps
    # One trial is made whatever the canary says.
    canary = path.canary(data, folds) if config.n_trials > 1 else 0.0
    trials = [
        path.search(learner, block, data, folds, canary, timer) for learner in config.learners
    ]
    return pd.concat(trials, ignore_index=True)


def rows_tested(path: TrainingPath) -> dict[int, Rows]:
    """Return the test rows of every block of the protocol's fold table."""
    table = fold_table(path.panel.rows, path.protocol)
    tested = table[table["role"] == "test"]
    return {
        block: path.tested_rows(tested.loc[tested["fold"] == block, ["symbol", "session_date"]])
        for block in tested["fold"].unique().tolist()
    }
