"""Planted leaks in the training path: each replaces one step of the sound one."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from trading_pipeline.domain.ensemble.members import Member, predict_base
from trading_pipeline.domain.ensemble.recipe import Recipe
from trading_pipeline.domain.ensemble.stack import (
    STACK,
    Stack,
    fit_calibrator,
    fit_meta,
    second_level,
)
from trading_pipeline.domain.ensemble.train import rows_tested
from trading_pipeline.domain.ensemble.training import Panel, Rows, TrainingSet
from trading_pipeline.domain.proof.training_path import TriedPath
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.domain.splits.training import TrainingRows
from trading_pipeline.domain.sweeps.learners import new_learner
from trading_pipeline.domain.sweeps.trial import Folds


class ScalingBeforeSplit(TriedPath):
    """Features are standardised by the mean and deviation of all rows, hold-out included."""

    def features(self, _block: int) -> pd.DataFrame:
        """Return the scaled features of all rows."""
        return self._scaled(self.panel.X)

    def judged_features(self, judged: Panel) -> pd.DataFrame:
        """Return the scaled features of the hold-out's rows."""
        return self._scaled(judged.X)

    def _scaled(self, X: pd.DataFrame) -> pd.DataFrame:
        everything = pd.concat([self.panel.X, self.judged.X])
        return (X - everything.mean()) / everything.std()


class SelectionBeforeSplit(TriedPath):
    """Features are chosen once, on every row, before the blocks are cut."""

    def selection_rows(self, _block: int) -> Rows:
        """Return every row."""
        return np.arange(len(self.panel.rows))


class TargetEncoding(TriedPath):
    """A symbol's mean label over all rows becomes part of a feature."""

    def features(self, _block: int) -> pd.DataFrame:
        """Return the features, the first column moved by the symbol's mean label."""
        rate = self.panel.rows.groupby("symbol")["label"].transform("mean")
        name = self.panel.X.columns[0]
        return self.panel.X.assign(**{name: rate.to_numpy(np.float32)})

    def judged_features(self, judged: Panel) -> pd.DataFrame:
        """Return the hold-out's features with the rates of the other rows."""
        rate = self.panel.rows.groupby("symbol")["label"].mean()
        name = judged.X.columns[0]
        encoded = judged.rows["symbol"].map(rate).to_numpy(np.float32)
        return judged.X.assign(**{name: encoded})


class SearchOnTest(TriedPath):
    """Trials are judged on the very block the winner is then scored on."""

    def search_rows(self, block: int) -> TrainingRows:
        """Return the training rows, and the tested ones after them."""
        own = self.candidates(block)
        tested = np.setdiff1d(self._tested(block), own.rows)
        nothing = np.full(tested.size, None, dtype=object)
        return TrainingRows(np.append(own.rows, tested), np.append(own.event, nothing))

    def inner_folds(self, block: int, keys: pd.DataFrame) -> Folds:
        """Return one fold: train before the block, test in it."""
        is_tested = np.isin(keys.index.to_numpy(), self._tested(block))
        return [(np.flatnonzero(~is_tested), np.flatnonzero(is_tested))]

    def _tested(self, block: int) -> Rows:
        return last_tested(self, block)


class EarlyStopOnTest(TriedPath):
    """Rounds are those at which the AUC on the tested block is best."""

    def fit(self, block: int, recipe: Recipe, chosen: TrainingSet) -> tuple[Member, ...]:
        """Fit each learner up to its best round on the tested block."""
        tested = last_tested(self, block)
        members = []
        for member in recipe.members:
            X = self.features(block)[list(member.features)].to_numpy(np.float32)
            y, w = self.panel.label, chosen.weights.astype(np.float32)

            train = (X[chosen.rows], y[chosen.rows], w)
            models = [
                new_learner(member.learner, member.params, seed=recipe.seed, threads=1)
                for _ in range(2)
            ]
            watched = models[0].fit(
                *train, rounds=self.config.sweeps.max_rounds, eval_set=(X[tested], y[tested])
            )
            best = int(np.argmax(watched.eval_auc)) + 1
            members.append(Member(member, models[1].fit(*train, rounds=best)))
        return tuple(members)


class InFoldStacking(TriedPath):
    """The second level learns from probabilities of rows the first level was fitted on."""

    def second_level_rows(self, oof: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
        """Return the rows with probabilities of models that were fitted on them."""
        wide = super().second_level_rows(oof, recipe)
        members = self.fit(FINAL_BLOCK, recipe, self.training_set(FINAL_BLOCK))
        fitted = predict_base(members, self.panel.X)
        keys = self.panel.rows[["symbol", "session"]]
        found = wide[["symbol", "session"]].merge(
            pd.concat([keys, fitted], axis=1), how="left", validate="one_to_one"
        )
        return wide.assign(**{name: found[name].to_numpy() for name in fitted.columns})


class SharedOofStacking(TriedPath):
    """One matrix of out-of-fold rows both fits the second level and is scored by it."""

    def stack_oof(self, wide: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
        """Return scores of every block by a second level fitted on all blocks."""
        config = self.config.ensemble
        meta = fit_meta(
            wide,
            wide["label"].to_numpy(),
            learners=recipe.learners,
            kind=second_level(config),
            seed=config.seed,
        )
        rows = wide[["symbol", "session_date", "session", "block", "label"]]
        score = meta.predict(wide, wide["regime"].to_numpy())
        return rows.assign(learner=STACK, oof_probability=score)


class CalibrationOnTest(TriedPath):
    """The calibration is fitted on the hold-out it is then judged by."""

    def fit_stack(self, wide: pd.DataFrame, recipe: Recipe) -> Stack:
        """Return the sound meta-learner with a calibration of the hold-out's own labels."""
        sound = super().fit_stack(wide, recipe)
        members = self.fit(FINAL_BLOCK, recipe, self.training_set(FINAL_BLOCK))
        base = predict_base(members, self.judged_features(self.judged))
        raw = sound.meta.predict(base, self.judged.rows["regime"].to_numpy())
        kind = self.config.ensemble.calibration
        return Stack(sound.meta, fit_calibrator(raw, self.judged.label, kind))


class NoPurge(TriedPath):
    """Every row drawn before the block trains for it, though its label ends inside the block."""

    def candidates(self, block: int) -> TrainingRows:
        """Return all rows of decisions before the block opens."""
        rows = np.flatnonzero(self.panel.rows["session"].to_numpy() < self.opens[block])
        return TrainingRows(rows, np.full(rows.size, None, dtype=object))

    def check_purged(self, block: int, rows: Rows) -> None:
        """Look away, as who forgets the purge forgets the check."""


def last_tested(path: TriedPath, block: int) -> Rows:
    """Return the rows a block tests; for the judged model those of the last block."""
    return rows_tested(path)[max(path.opens) if block == FINAL_BLOCK else block]


PLANTED_PATHS: Mapping[str, type[TriedPath]] = {
    "scaling before split": ScalingBeforeSplit,
    "selection before split": SelectionBeforeSplit,
    "target encoding on all rows": TargetEncoding,
    "search on test": SearchOnTest,
    "early stop on test": EarlyStopOnTest,
    "in-fold stacking": InFoldStacking,
    "shared-OOF stacking": SharedOofStacking,
    "calibration on test": CalibrationOnTest,
    "no purge": NoPurge,
}
