"""The training path: every step from labelled rows to a judged model, the one code for all callers.

Assets run the steps one by one and keep what each gives as a table; `train` runs them all in
memory. A planted leak replaces one step.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import PipelineConfig, RuntimeConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.fitting import failures_of, fitting_device, left_out_words
from trading_pipeline.domain.ensemble.members import (
    Member,
    fit_base_learners,
    fit_those_that_can,
    predict_base,
    predict_stack,
)
from trading_pipeline.domain.ensemble.recipe import Recipe, build_recipe
from trading_pipeline.domain.ensemble.stack import (
    Stack,
    fit_stack,
    second_level,
    stack_oof,
    wide_oof,
)
from trading_pipeline.domain.ensemble.training import (
    Panel,
    Rows,
    TrainingSet,
    thinned,
    training_set,
)
from trading_pipeline.domain.ensemble.walk_forward import OofBlock, walk_forward_oof
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.features.selection import select_features
from trading_pipeline.domain.features.session_ranks import rankable
from trading_pipeline.domain.features.windows import WindowGroups, columns_for, window_groups
from trading_pipeline.domain.memory.replay import replay_keys
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol
from trading_pipeline.domain.splits.purged import purged_inner_folds
from trading_pipeline.domain.splits.training import TrainingRows, training_rows
from trading_pipeline.domain.sweeps.incumbents import sweep_id_of
from trading_pipeline.domain.sweeps.search import canary_auc, search
from trading_pipeline.domain.sweeps.spaces import Candidate
from trading_pipeline.domain.sweeps.trial import Folds, SearchData
from trading_pipeline.domain.sweeps.trial_book import Outcomes, book_costs

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True, eq=False)
class TrainingPath:
    """The steps of training over one panel under one protocol.

    `panel` holds the labelled rows before the hold-out, `archive_keys` event, symbol and session
    of every row of the archive, None without one. Where `features.rank_within_session` is set, its
    features are ranks already. `failed` is told why a learner could not be
    fitted: the others go on without it.
    """

    config: PipelineConfig
    protocol: Protocol
    panel: Panel
    archive_keys: pd.DataFrame | None
    registry: tuple[Feature, ...]
    failed: dict[str, str] = field(default_factory=dict, kw_only=True)

    @property
    def groups(self) -> WindowGroups:
        """Alternative indicator windows."""
        return window_groups(self.registry)

    @property
    def opens(self) -> dict[int, int]:
        """The cut of each fit: block -> ordinal that no training span may reach."""
        return self.protocol.opens

    @property
    def blocks(self) -> list[int]:
        """The blocks that are fitted, in order."""
        return self.protocol.blocks

    @property
    def ranked(self) -> frozenset[str]:
        """Features that the panel holds as ranks within the session."""
        is_ranked = self.config.features.rank_within_session
        return rankable(self.registry) if is_ranked else frozenset()

    def features(self, _block: int) -> pd.DataFrame:
        """Return the features of all rows as a block's fits see them."""
        return self.panel.X

    def judged_features(self, judged: Panel) -> pd.DataFrame:
        """Return the features of judged rows as the judged model sees them."""
        return judged.X

    def candidates(self, block: int) -> TrainingRows:
        """Return the rows that may train for a block."""
        return training_rows(
            self.panel.rows,
            self.protocol,
            self.opens[block],
            self.config.splits.window_sessions,
            self.archive_keys,
        )

    def replayed(self, block: int, earlier: pd.DataFrame | None) -> pd.DataFrame | None:
        """Return the errors that return to a block's training, the worst first, where they do."""
        return replay_keys(earlier, self.panel.rows, self.opens[block], self.config.sampling)

    def training_set(self, block: int, earlier: pd.DataFrame | None = None) -> TrainingSet:
        """Return the balanced, weighted rows that fit a block's models.

        `earlier` holds the learners' out-of-fold rows so far, whose errors may return.
        """
        return training_set(
            self.panel,
            self.candidates(block),
            self.config.sampling,
            self.config.memory,
            seed=self.config.ensemble.seed + block,
            replay=self.replayed(block, earlier),
        )

    def selection_rows(self, block: int) -> Rows:
        """Return the rows that a block's selection looks at."""
        every = self.config.sweeps.every_nth_session
        return thinned(self.panel, self.candidates(block), every).rows

    def select(self, block: int, catalogue: pd.DataFrame) -> pd.DataFrame:
        """Return features.selected of a block; `catalogue` is features.catalog of its features."""
        rows = self.selection_rows(block)
        keys = self.panel.rows.iloc[rows]
        chosen: pd.DataFrame = select_features(
            pd.concat([keys[["symbol", "session"]], self.features(block).iloc[rows]], axis=1),
            keys["label"],
            keys["regime"],
            self.config.features,
            catalogue,
            self.groups,
            block_sessions=2 * self.config.labels.horizon_sessions,
        )
        return chosen.assign(block=block)

    def search_rows(self, block: int) -> TrainingRows:
        """Return the thinned rows a block's search may see."""
        return thinned(self.panel, self.candidates(block), self.config.sweeps.every_nth_session)

    def inner_folds(self, block: int, keys: pd.DataFrame) -> Folds:
        """Return the search's purged folds, as positions in its rows.

        Raises InputError where the training span is too short for them.
        """
        try:
            return purged_inner_folds(
                keys["start_session"].to_numpy(np.int64),
                keys["end_session"].to_numpy(np.int64),
                self.config.sweeps.inner_folds,
                self.config.splits.embargo_sessions,
            )
        except ValueError as error:
            raise InputError(
                f"the search of block {block} has too short a training span ({error}); give "
                "earlier bars, fewer splits.n_folds or sweeps.inner_folds, or a shorter "
                "splits.embargo_sessions"
            ) from None

    def search_data(self, block: int, columns: list[str]) -> tuple[SearchData, Folds]:
        """Return a search's rows with the columns given, and its folds.

        Each inner fold trains on a balanced sample of its own training rows, and is scored on
        natural ones.
        """
        config = self.config
        candidates = self.search_rows(block)
        keys = self.panel.rows.iloc[candidates.rows]
        position = np.full(len(self.panel.rows), -1, dtype=np.intp)
        position[candidates.rows] = np.arange(candidates.rows.size)
        weights = np.ones(candidates.rows.size)
        folds = []
        for train, test in self.inner_folds(block, keys):
            own = TrainingRows(candidates.rows[train], candidates.event[train])
            chosen = training_set(
                self.panel, own, config.sampling, config.memory, config.sweeps.seed
            )
            rows = position[chosen.rows]
            # A row weighs the same in every fold, so one vector serves them all.
            weights[rows] = chosen.weights
            folds.append((rows, test))
        places = {name: i for i, name in enumerate(columns)}
        data = SearchData(
            X=self.features(block)[columns].to_numpy(np.float32)[candidates.rows],
            y=self.panel.label[candidates.rows],
            weight=weights.astype(np.float32),
            windows={group: tuple(choices) for group, choices in self.groups.items()},
            columns_for=lambda choice: [places[name] for name in self.columns_of(columns, choice)],
            outcomes=Outcomes(
                keys["session"].to_numpy(np.int64),
                keys["excess_return_frac"].to_numpy(np.float64),
                config.labels.horizon_sessions,
                name=pd.factorize(keys["symbol"])[0].astype(np.int64),
                costs=book_costs(config.backtest, config.labels.horizon_sessions),
            ),
            names=columns,
        )
        return data, folds

    def columns_of(self, selected: list[str], windows: Mapping[str, str | int]) -> list[str]:
        """Return the columns that one choice of windows leaves of the selected ones."""
        chosen = {group: str(choice) for group, choice in windows.items()}
        return columns_for(chosen, selected, self.groups)

    def canary(self, data: SearchData, folds: Folds) -> float:
        """Return the canary's AUC, which tells whether a search is worth its price."""
        threads = self.config.runtime.threads
        return canary_auc(data, folds, seed=self.config.sweeps.seed, threads=threads)

    def has_skill(self, canary: float) -> bool:
        """Tell whether the canary allows a search; else the default is tried, nothing more."""
        return canary > self.config.sweeps.canary_min_auc

    def search(
        self,
        learner: str,
        block: int,
        data: SearchData,
        folds: Folds,
        canary: float,
        timer: Callable[[], float],
        incumbent: Candidate | None = None,
        book: "Study | None" = None,
    ) -> pd.DataFrame:
        """Return sweeps.trials of a learner and block; see `search` for incumbent and book."""
        return search(
            learner,
            data,
            folds=folds,
            config=self.config.sweeps,
            sweep_id=sweep_id_of(learner, self.protocol.protocol_id, block),
            block=block,
            threads=self.config.runtime.threads,
            device=fitting_device(self.config.runtime),
            timer=timer,
            has_skill=self.config.sweeps.use_search and self.has_skill(canary),
            incumbent=incumbent,
            book=book,
        )

    def recipe(self, block: int, best: pd.DataFrame, columns: list[str]) -> Recipe:
        """Return the recipe that a block's winning trials make of its selected columns."""
        own = best[best["block"] == block]
        features: dict[str, list[str]] = {}
        for row in own.to_dict("records"):
            candidate = Candidate.from_record(json.loads(row["params_json"]))
            features[row["learner"]] = self.columns_of(columns, candidate.windows)
        return build_recipe(
            own,
            features,
            ensemble=self.config.ensemble,
            sampling=self.config.sampling,
            labels=self.config.labels,
            splits=self.config.splits,
            ranked=self.ranked,
        )

    def fit(self, block: int, recipe: Recipe, chosen: TrainingSet) -> tuple[Member, ...]:
        """Fit a recipe's base learners on a block's rows; one that fails is left out, and noted.

        Raises InputError where none is left.
        """
        members, errors = fit_those_that_can(
            recipe,
            self.features(block).iloc[chosen.rows],
            self.panel.label[chosen.rows],
            chosen.weights,
            threads=self.config.runtime.threads,
            device=fitting_device(self.config.runtime),
        )
        self.failed.update(failures_of(errors))
        if not members:
            raise InputError(f"no learner could be fitted: {left_out_words(self.failed)}")
        return members

    def check_purged(self, block: int, rows: Rows) -> None:
        """Raise ValueError where a row's label reaches into the block it would train for."""
        if (self.panel.rows["end_session"].to_numpy()[rows] >= self.opens[block]).any():
            raise ValueError(f"block {block} would train on a label that reaches into it")

    def tested_rows(self, tested: pd.DataFrame) -> Rows:
        """Return the positions of the rows that the fold table gives a block to test.

        `tested` has symbol and session_date.
        """
        found = self.panel.rows[["symbol", "session_date"]].merge(
            tested.assign(is_tested=True), how="left", validate="one_to_one"
        )
        return np.flatnonzero(found["is_tested"].notna().to_numpy())

    def out_of_fold(
        self,
        recipes: Mapping[int, Recipe],
        tested: Mapping[int, Rows],
        on_block: Callable[[int, TrainingSet, tuple[Member, ...]], None],
    ) -> pd.DataFrame:
        """Return the learners' rows of ensemble.oof, of every block before the hold-out.

        Blocks are fitted in order: errors made in one may return to the training of a later one.
        `tested` are the test rows by block; `on_block` is told of each block's fit. The stack
        needs a learner in every block: one that failed in any is left out.
        """
        parts: list[pd.DataFrame] = []
        for block in [block for block in self.blocks if block != FINAL_BLOCK]:
            earlier = pd.concat(parts, ignore_index=True) if parts else None
            chosen = self.training_set(block, earlier)
            self.check_purged(block, chosen.rows)

            def fit_predict(
                block: int,
                _train: Rows,
                _labels: NDArray[np.float64],
                test: Rows,
                chosen: TrainingSet = chosen,
            ) -> Mapping[str, NDArray[np.float64]]:
                members = self.fit(block, recipes[block], chosen)
                base = predict_base(members, self.features(block).iloc[test])
                on_block(block, chosen, members)
                return {str(name): base[name].to_numpy() for name in base.columns}

            part = OofBlock(block, chosen.rows, tested[block])
            parts.append(walk_forward_oof(self.panel.rows, [part], fit_predict))
        rows = pd.concat(parts, ignore_index=True)
        rows = rows[~rows["learner"].isin(list(self.failed))].reset_index(drop=True)
        if rows.empty:
            raise InputError(
                f"no learner was fitted for every block: {left_out_words(self.failed)}"
            )
        return rows

    def second_level_rows(self, oof: pd.DataFrame, _recipe: Recipe) -> pd.DataFrame:
        """Return the rows the second level learns from, one a decision, of ensemble.oof."""
        return wide_oof(oof, self.panel.rows)

    def stack_oof(self, wide: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
        """Return the stack's own rows of ensemble.oof."""
        config = self.config.ensemble
        kind = second_level(config)
        return stack_oof(wide, learners=recipe.learners, kind=kind, seed=config.seed)

    def fit_stack(self, wide: pd.DataFrame, recipe: Recipe) -> Stack:
        """Fit the judged model's meta-learner and calibration on the out-of-fold rows."""
        config = self.config.ensemble
        return fit_stack(
            wide,
            learners=recipe.learners,
            kind=second_level(config),
            calibration=config.calibration,
            calibration_frac=config.calibration_frac,
            seed=config.seed,
        )

    def judge(self, members: tuple[Member, ...], stack: Stack, judged: Panel) -> pd.DataFrame:
        """Return probabilities of the hold-out's rows: the stack, then one column a learner."""
        regime = judged.rows["regime"].replace(UNKNOWN_REGIME, np.nan)
        return predict_stack(members, stack, self.judged_features(judged), regime)


def fit_rows(
    recipe: Recipe, X: pd.DataFrame, panel: Panel, chosen: TrainingSet, runtime: RuntimeConfig
) -> tuple[Member, ...]:
    """Fit a recipe's base learners on the chosen rows of a panel, whose features are `X`.

    Whatever a learner raises is raised here.
    """
    return fit_base_learners(
        recipe,
        X.iloc[chosen.rows],
        panel.label[chosen.rows],
        chosen.weights,
        threads=runtime.threads,
        device=fitting_device(runtime),
    )


def window_rows(panel: Panel, candidates: TrainingRows) -> pd.DataFrame:
    """Return the candidates of the rolling window, without those only the archive brings."""
    in_window = np.array([name is None for name in candidates.event], dtype=bool)
    inside: pd.DataFrame = panel.rows.iloc[candidates.rows[in_window]]
    return inside
