"""The training path in one pass; each step is a method that a planted leak replaces.

The steps call what the assets call: protocol, purged rows, selection, search, base learners, stack.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.ensemble.members import (
    Member,
    fit_base_learners,
    predict_base,
    predict_stack,
)
from trading_pipeline.domain.ensemble.recipe import Recipe, build_recipe
from trading_pipeline.domain.ensemble.stack import Stack, fit_stack, stack_oof, wide_oof
from trading_pipeline.domain.ensemble.training import Panel, TrainingSet, thinned, training_set
from trading_pipeline.domain.ensemble.walk_forward import OofBlock, walk_forward_oof
from trading_pipeline.domain.features.registry import Feature, catalog_frame
from trading_pipeline.domain.features.selection import select_features
from trading_pipeline.domain.features.windows import columns_for, window_groups
from trading_pipeline.domain.memory.replay import replay_keys
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import Protocol, make_protocol, ordinal
from trading_pipeline.domain.splits.purged import purged_inner_folds
from trading_pipeline.domain.splits.training import TrainingRows, holdout_rows, training_rows
from trading_pipeline.domain.sweeps.search import Folds, SearchData, best_trials, search
from trading_pipeline.domain.sweeps.spaces import Candidate

# The judged model, fitted on all before the hold-out, which is its test block.
FINAL = 0
Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True)
class TrainingInputs:
    """What training reads: rows with labels and features, and the archive's keys.

    `rows` has the columns KEYS of the panel and one column a feature, hold-out included.
    """

    rows: pd.DataFrame
    archive_keys: pd.DataFrame | None


@dataclass(frozen=True)
class BlockOutcome:
    """What a block's fit left behind.

    `fitted` holds the hash of every fitted thing by its name. `values` are the scores the block
    is judged by: symbol, session, learner, probability. `learned_from` are the first-level
    probabilities the second level was fitted on: symbol, session and one column a learner.
    """

    block: int
    opens: int
    closes: int
    fitted: Mapping[str, str]
    values: pd.DataFrame
    learned_from: pd.DataFrame


TrainingProcedure: TypeAlias = Callable[[TrainingInputs], tuple[BlockOutcome, ...]]


class TrainingPath:
    """One run of the training path over the inputs; call it to get the outcome of every block."""

    def __init__(
        self, inputs: TrainingInputs, config: PipelineConfig, registry: tuple[Feature, ...]
    ) -> None:
        """Fix the protocol and split the rows at the hold-out."""
        self.config, self.registry, self.inputs = config, registry, inputs
        self.groups = window_groups(registry)
        dates = pd.DatetimeIndex(inputs.rows["session_date"].unique()).sort_values()
        self.protocol: Protocol = make_protocol(dates, inputs.rows, config.splits, "proof")
        self.opens = {
            k: ordinal(day) for k, day in enumerate(self.protocol.block_starts, start=1)
        } | {FINAL: self.protocol.holdout_opens}
        is_judged = holdout_rows(inputs.rows, self.protocol)
        before = (inputs.rows["session"] < self.protocol.holdout_opens).to_numpy()
        usable = inputs.rows["label"].notna().to_numpy()
        self.panel = Panel.build(inputs.rows[before & usable])
        self.judged = Panel.build(inputs.rows[is_judged])
        folds = fold_table(self.panel.rows, self.protocol)
        self.tested = folds[folds["role"] == "test"]

    def __call__(self) -> tuple[BlockOutcome, ...]:
        """Fit every block but the first, and the judged model; return what each left behind."""
        blocks = [k for k in self.opens if k not in (1, FINAL)]
        hashes: dict[int, dict[str, str]] = {}
        recipes = {block: self.recipe(block, hashes) for block in (*blocks, FINAL)}
        sets: dict[int, TrainingSet] = {}
        parts: list[pd.DataFrame] = []

        def fit_predict(
            block: int, _train: Rows, _labels: NDArray[np.float64], test: Rows
        ) -> Mapping[str, NDArray[np.float64]]:
            members = self.fit(block, recipes[block], sets[block], hashes[block])
            base = predict_base(members, self.features(block).iloc[test])
            return {str(name): base[name].to_numpy() for name in base.columns}

        for block in blocks:
            earlier = pd.concat(parts, ignore_index=True) if parts else None
            sets[block] = self.training_rows(block, earlier)
            part = OofBlock(block, sets[block].rows, self.test_rows(block))
            parts.append(walk_forward_oof(self.panel.rows, [part], fit_predict))
        base_rows = pd.concat(parts, ignore_index=True)
        sets[FINAL] = self.training_rows(FINAL, base_rows)
        wide = self.second_level_rows(wide_oof(base_rows, self.panel.rows), recipes[blocks[-1]])
        stacked = self.stack_oof(wide, recipes[FINAL])
        members = self.fit(FINAL, recipes[FINAL], sets[FINAL], hashes[FINAL])
        stack = self.fit_stack(wide, recipes[FINAL], members)
        hashes[FINAL]["meta-learner"] = digest(stack.meta.to_bytes())
        hashes[FINAL]["calibration"] = digest(stack.calibrator.to_bytes())
        judged = self.judge(members, stack)
        return tuple(
            self._outcome(block, hashes[block], rows, wide)
            for block, rows in (
                *((b, _of_block(pd.concat([base_rows, stacked]), b)) for b in blocks),
                (FINAL, judged),
            )
        )

    def features(self, _block: int) -> pd.DataFrame:
        """Return the features of all rows as a block's fit sees them."""
        return self.panel.X

    def judged_features(self) -> pd.DataFrame:
        """Return the features of the hold-out's rows."""
        return self.judged.X

    def candidates(self, block: int) -> TrainingRows:
        """Return the rows that may train for a block."""
        return training_rows(
            self.panel.rows,
            self.protocol,
            self.opens[block],
            self.config.splits.window_sessions,
            self.inputs.archive_keys,
        )

    def replayed(self, block: int, earlier: pd.DataFrame | None) -> pd.DataFrame | None:
        """Return the errors that return to a block's training, the worst first."""
        return replay_keys(earlier, self.panel.rows, self.opens[block], self.config.sampling)

    def training_rows(self, block: int, earlier: pd.DataFrame | None = None) -> TrainingSet:
        """Return the balanced, weighted rows that fit a block's models."""
        config = self.config
        return training_set(
            self.panel,
            self.candidates(block),
            config.sampling,
            config.memory,
            seed=config.ensemble.seed + block,
            replay=self.replayed(block, earlier),
        )

    def selection_rows(self, block: int) -> Rows:
        """Return the rows that selection looks at."""
        every = self.config.sweeps.every_nth_session
        return thinned(self.panel, self.candidates(block), every).rows

    def select(self, block: int) -> pd.DataFrame:
        """Return features.selected of a block."""
        rows = self.selection_rows(block)
        keys = self.panel.rows.iloc[rows]
        return select_features(
            pd.concat([keys[["symbol", "session"]], self.features(block).iloc[rows]], axis=1),
            keys["label"],
            keys["regime"],
            self.config.features,
            self.catalogue,
            self.groups,
        )

    @property
    def catalogue(self) -> pd.DataFrame:
        """Return features.catalog of the features at hand."""
        table = catalog_frame(self.registry)
        return table[table["feature"].isin(self.panel.X.columns)].reset_index(drop=True)

    def inner_folds(self, _block: int, keys: pd.DataFrame) -> Folds:
        """Return the search's folds, as positions in its rows."""
        return purged_inner_folds(
            keys["start_session"].to_numpy(np.int64),
            keys["end_session"].to_numpy(np.int64),
            self.config.sweeps.inner_folds,
            self.config.splits.embargo_sessions,
        )

    def search_rows(self, block: int) -> TrainingRows:
        """Return the thinned rows a block's search may see."""
        return thinned(self.panel, self.candidates(block), self.config.sweeps.every_nth_session)

    def search_data(self, block: int, columns: list[str]) -> tuple[SearchData, Folds]:
        """Return a search's rows and folds; each fold trains on a balanced sample of its own."""
        config = self.config
        candidates = self.search_rows(block)
        position = np.full(len(self.panel.rows), -1, dtype=np.intp)
        position[candidates.rows] = np.arange(candidates.rows.size)
        weights = np.ones(candidates.rows.size)
        folds = []
        for train, test in self.inner_folds(block, self.panel.rows.iloc[candidates.rows]):
            own = TrainingRows(candidates.rows[train], candidates.event[train])
            chosen = training_set(
                self.panel, own, config.sampling, config.memory, config.sweeps.seed
            )
            rows = position[chosen.rows]
            weights[rows] = chosen.weights
            folds.append((rows, test))
        places = {name: i for i, name in enumerate(columns)}
        data = SearchData(
            X=self.features(block)[columns].to_numpy(np.float32)[candidates.rows],
            y=self.panel.label[candidates.rows],
            weight=weights.astype(np.float32),
            windows={group: tuple(choices) for group, choices in self.groups.items()},
            columns_for=lambda choice: [
                places[name]
                for name in columns_for(
                    {k: str(v) for k, v in choice.items()}, columns, self.groups
                )
            ],
        )
        return data, folds

    def search(self, block: int, columns: list[str]) -> pd.DataFrame:
        """Return sweeps.trials of a block, all learners."""
        config = self.config
        data, inner = self.search_data(block, columns)
        ticks = count()
        trials = [
            search(
                learner,
                data,
                folds=inner,
                n_trials=config.sweeps.n_trials,
                max_rounds=config.sweeps.max_rounds,
                sweep_id=f"{learner}:{self.protocol.protocol_id}:{block}",
                block=block,
                seed=config.sweeps.seed,
                threads=1,
                timer=lambda: float(next(ticks)),
            )
            for learner in config.sweeps.learners
        ]
        return pd.concat(trials, ignore_index=True)

    def recipe(self, block: int, hashes: dict[int, dict[str, str]]) -> Recipe:
        """Select and search a block; return the recipe of its winning trials."""
        selected = self.select(block)
        columns = selected.loc[selected["is_selected"], "feature"].tolist()
        trials = self.search(block, columns)
        best = best_trials(trials)
        hashes[block] = {
            "chosen features": digest(selected.to_json().encode()),
            "search": digest(trials.drop(columns="seconds").to_json().encode()),
        }
        features = {}
        for row in best.to_dict("records"):
            windows = Candidate.from_record(json.loads(row["params_json"])).windows
            chosen = {group: str(choice) for group, choice in windows.items()}
            features[row["learner"]] = columns_for(chosen, columns, self.groups)
        return build_recipe(
            best,
            features,
            ensemble=self.config.ensemble,
            sampling=self.config.sampling,
            labels=self.config.labels,
            splits=self.config.splits,
        )

    def test_rows(self, block: int) -> Rows:
        """Return the rows that the fold table gives a block to test."""
        own = self.tested.loc[self.tested["fold"] == block, ["symbol", "session_date"]]
        found = self.panel.rows[["symbol", "session_date"]].merge(
            own.assign(is_tested=True), how="left", validate="one_to_one"
        )
        return np.flatnonzero(found["is_tested"].notna().to_numpy())

    def fit(
        self, block: int, recipe: Recipe, chosen: TrainingSet, hashes: dict[str, str]
    ) -> tuple[Member, ...]:
        """Fit a block's base learners."""
        members = fit_base_learners(
            recipe,
            self.features(block).iloc[chosen.rows],
            self.panel.label[chosen.rows],
            chosen.weights,
            threads=1,
        )
        for member in members:
            hashes[f"model {member.recipe.learner}"] = digest(member.model.to_bytes()[1])
        return members

    def second_level_rows(self, wide: pd.DataFrame, _recipe: Recipe) -> pd.DataFrame:
        """Return the rows the second level learns from."""
        return wide

    def stack_oof(self, wide: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
        """Return the stack's own out-of-fold rows."""
        return stack_oof(
            wide,
            learners=recipe.learners,
            kind=self.config.ensemble.meta_learner,
            seed=self.config.ensemble.seed,
        )

    def fit_stack(self, wide: pd.DataFrame, recipe: Recipe, _members: tuple[Member, ...]) -> Stack:
        """Fit the judged model's second level."""
        config = self.config.ensemble
        return fit_stack(
            wide,
            learners=recipe.learners,
            kind=config.meta_learner,
            calibration=config.calibration,
            calibration_frac=config.calibration_frac,
            seed=config.seed,
        )

    def judge(self, members: tuple[Member, ...], stack: Stack) -> pd.DataFrame:
        """Return the judged model's scores of the hold-out."""
        keys = self.judged.rows
        scores = predict_stack(members, stack, self.judged_features(), keys["regime"])
        return pd.concat(
            [
                keys[["symbol", "session"]].assign(
                    learner=str(name), probability=scores[name].to_numpy()
                )
                for name in scores.columns
            ],
            ignore_index=True,
        )

    def _outcome(
        self, block: int, fitted: Mapping[str, str], values: pd.DataFrame, wide: pd.DataFrame
    ) -> BlockOutcome:
        opens = self.opens[block]
        later = [k for k in self.opens.values() if k > opens]
        learners = [name for name in wide.columns if name in self.config.sweeps.learners]
        return BlockOutcome(
            block=block,
            opens=opens,
            closes=min(later, default=int(self.inputs.rows["session"].max()) + 1),
            fitted=dict(fitted),
            values=values.sort_values(["learner", "session", "symbol"], ignore_index=True),
            learned_from=wide[["symbol", "session", *learners]]
            .sort_values(["session", "symbol"])
            .reset_index(drop=True),
        )


def digest(content: bytes) -> str:
    """Return a short hash of a fitted thing."""
    return hashlib.sha256(content).hexdigest()[:16]


def _of_block(rows: pd.DataFrame, block: int) -> pd.DataFrame:
    own = rows[rows["block"] == block]
    return own[["symbol", "session", "learner"]].assign(probability=own["oof_probability"])
