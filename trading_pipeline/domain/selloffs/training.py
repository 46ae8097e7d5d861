"""How a model of falls is fitted and judged: block after block, the hold-out last.

Every block's learners see only sessions before it; its calibration, its payoff and the threshold
of its selection come from falls before it too, predicted out of fold and as they fell, unweighted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import ReplayConfig, RuntimeConfig
from trading_pipeline.contracts.selloffs_config import SelloffModelConfig, SelloffsConfig
from trading_pipeline.domain.ensemble.fitting import fitting_device
from trading_pipeline.domain.ensemble.members import (
    Member,
    feature_matrix,
    fit_base_learners,
    predict_base,
)
from trading_pipeline.domain.ensemble.recipe import MemberRecipe, Recipe
from trading_pipeline.domain.ensemble.stack import Stack, fit_calibrator, fit_meta
from trading_pipeline.domain.ensemble.training import Panel
from trading_pipeline.domain.ensemble.walk_forward import Labels, OofBlock, Rows, walk_forward_oof
from trading_pipeline.domain.memory.replay import (
    prediction_errors,
    replay_buffer,
    replay_factors,
    replayed_rows,
)
from trading_pipeline.domain.selloffs.model import SelloffModel, Trained
from trading_pipeline.domain.selloffs.payoff import STOP, Payoff
from trading_pipeline.domain.selloffs.protocol import (
    MIN_TRAINING_EVENTS,
    tested_places,
    training_places,
)
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol
from trading_pipeline.domain.sweeps.learners import new_learner

KEYS = ("symbol", "rung", "session")
# Fewer falls predicted out of fold say nothing of a calibration.
MIN_CALIBRATION_EVENTS = 30
# All that the trivial score knows: how far stop and target are, and the time of day.
TRIVIAL_FEATURES = (STOP, "target_distance_frac", "minutes_since_open")
TRIVIAL_PARAMS = {"l2_frac": 0.003}
# Nothing is searched: a few thousand falls of a few hundred sessions would only choose noise.
_BOOSTER = {"learning_rate": 0.03, "l2_frac": 0.02, "column_frac": 0.5, "row_frac": 0.7}
PARAMS: Mapping[str, Mapping[str, float | int]] = {
    "xgboost": {**_BOOSTER, "leaf_frac": 0.02, "max_depth": 3},
    "lightgbm": {**_BOOSTER, "leaf_frac": 0.02, "num_leaves": 6},
    "catboost": {**_BOOSTER, "max_depth": 3, "random_strength": 1.0},
    "gradient_boosting": {
        "learning_rate": 0.03,
        "l2_frac": 0.02,
        "column_frac": 0.5,
        "leaf_frac": 0.02,
        "num_leaves": 6,
    },
    "random_forest": {},
    "extra_trees": {},
    "mlp": {"learning_rate": 0.002, "l2_frac": 0.01, "hidden_units": 8},
    "logistic": {"l2_frac": 0.05},
    "svm": {},
}


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """The judged model and what it and its forerunners said.

    ``scores`` is selloffs.scores: every block but the first predicted one, which only calibrates,
    and the hold-out as block 0. ``oof`` are the learners' own words before the hold-out.
    """

    scores: pd.DataFrame
    oof: pd.DataFrame
    judged: SelloffModel
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FallTraining:
    """Closed falls, the edges they are judged by, and the settings that fit."""

    panel: Panel
    protocol: Protocol
    config: SelloffsConfig
    replay: ReplayConfig
    runtime: RuntimeConfig

    @property
    def recipe(self) -> Recipe:
        """Return what the judged model is made by."""
        model = self.config.model
        return fall_recipe(tuple(self.panel.X.columns), model, self.replay)

    def walk(self) -> Walk:
        """Fit and judge every block. Raises ValueError where too few falls can be calibrated."""
        oof: list[pd.DataFrame] = []
        scores, notes = [], []
        for block in [b for b in self.protocol.blocks if b != FINAL_BLOCK]:
            rows = training_places(self.panel, self.protocol, block)
            tested = tested_places(self.panel, self.protocol, block)
            if not self.can_fit(rows) or not tested.size:
                notes.append(f"block {block} is not predicted: {rows.size} falls before it")
                continue
            members = self.fit(rows, oof)
            if can_calibrate(oof):
                model = self.model_of(members, rows, oof)
                scores.append(self.scored(model, rows, tested, block))
            oof.append(self.out_of_fold(members, rows, tested, block))
        rows = training_places(self.panel, self.protocol, FINAL_BLOCK)
        if not self.can_fit(rows) or not can_calibrate(oof):
            raise ValueError(
                f"{rows.size} falls before the hold-out, {sum(map(len, oof))} predictions of them:"
                " too few of both kinds to fit and to calibrate"
            )
        judged = self.model_of(self.fit(rows, oof), rows, oof)
        tested = tested_places(self.panel, self.protocol, FINAL_BLOCK)
        scores.append(self.scored(judged, rows, tested, FINAL_BLOCK))
        return Walk(
            pd.concat(scores, ignore_index=True),
            pd.concat(oof, ignore_index=True),
            judged,
            tuple(notes),
        )

    def deployed(self, walk: Walk) -> SelloffModel:
        """Return the judged recipe refitted on every closed fall.

        Calibration and threshold stay as they were judged.
        """
        rows = np.arange(len(self.panel.rows))
        return replace(
            walk.judged,
            members=self.fit(rows, [walk.oof]),
            payoff=Payoff.fit(self.panel.rows, self.panel.X),
            trained=span_of(self.panel, rows),
        )

    def can_fit(self, rows: Rows) -> bool:
        """Tell whether there are falls enough of both kinds."""
        return rows.size >= MIN_TRAINING_EVENTS and np.unique(self.panel.label[rows]).size == 2

    def fit(self, rows: Rows, earlier: list[pd.DataFrame]) -> tuple[Member, ...]:
        """Fit the learners; `earlier` holds out-of-fold rows before, whose errors may return."""
        return fit_base_learners(
            self.recipe,
            self.panel.X.iloc[rows],
            self.panel.label[rows],
            self.weights(rows, earlier),
            threads=self.runtime.threads,
            device=fitting_device(self.runtime),
        )

    def weights(self, rows: Rows, earlier: list[pd.DataFrame]) -> NDArray[np.float64]:
        """Return training weights: both labels weigh the same in sum, replayed errors more."""
        label = self.panel.label[rows]
        weight = np.ones(rows.size)
        if self.config.model.balance:
            n_up = int(label.sum())
            weight = np.where(
                label == 1, rows.size / (2 * n_up), rows.size / (2 * (rows.size - n_up))
            )
        if not self.config.model.use_replay or not earlier:
            return weight
        trained = self.panel.rows.iloc[rows].reset_index(drop=True)
        before = int(trained["end_session"].max()) + 1
        said = pd.concat(earlier, ignore_index=True)
        errors = prediction_errors(said, self.panel.rows, KEYS)
        worst = replay_buffer(errors, before, self.replay, KEYS)
        n_max = int(self.replay.max_share * rows.size)
        replayed = replayed_rows(trained, worst, n_max, KEYS)
        return weight * replay_factors(np.arange(rows.size), replayed, self.replay)

    def out_of_fold(
        self, members: tuple[Member, ...], rows: Rows, tested: Rows, block: int
    ) -> pd.DataFrame:
        """Return what the learners say of a block, one row a learner and fall."""

        def predict(
            _block: int, _train: Rows, _labels: Labels, test: Rows
        ) -> Mapping[str, NDArray[np.float64]]:
            base = predict_base(members, self.panel.X.iloc[test])
            return {str(name): base[name].to_numpy() for name in base.columns}

        return walk_forward_oof(
            self.panel.rows, [OofBlock(block, rows, tested)], predict, more_keys=("rung",)
        )

    def model_of(
        self, members: tuple[Member, ...], rows: Rows, earlier: list[pd.DataFrame]
    ) -> SelloffModel:
        """Return a model of learners fitted on `rows`, calibrated on what was said before."""
        model, recipe = self.config.model, self.recipe
        oof = pd.concat(earlier, ignore_index=True)
        keys = [*KEYS, "block", "label"]
        wide = oof.pivot(index=keys, columns="learner", values="oof_probability")
        wide = (
            wide.reset_index().rename_axis(columns=None).sort_values(["session", "symbol", "rung"])
        )
        label = wide["label"].to_numpy()
        nobody: NDArray[np.object_] = np.full(len(wide), np.nan, dtype=object)
        meta = fit_meta(wide, label, learners=recipe.learners, kind="mean", seed=model.seed)
        calibrator = fit_calibrator(meta.predict(wide, nobody), label, model.calibration)
        fitted = SelloffModel(
            recipe=recipe,
            members=members,
            stack=Stack(meta, calibrator),
            payoff=Payoff.fit(self.panel.rows.iloc[rows], self.panel.X.iloc[rows]),
            threshold_r=0.0,
            tiers=model.tiers,
            trained=span_of(self.panel, rows),
        )
        before = self.panel.rows.merge(wide, on=[*KEYS, "label"], how="left", validate="one_to_one")
        held = before[recipe.learners[0]].notna().to_numpy() & before["is_first"].to_numpy()
        probability = fitted.stack.predict(before.loc[held], nobody[: int(held.sum())])
        expected = fitted.payoff.expected(probability, self.panel.X[held])
        threshold = float(np.quantile(expected, 1.0 - model.selected_frac)) if held.any() else 0.0
        return replace(fitted, threshold_r=threshold)

    def scored(self, model: SelloffModel, rows: Rows, tested: Rows, block: int) -> pd.DataFrame:
        """Return selloffs.scores of a block: the model's words, and the baselines of its rows."""
        keys = ["symbol", "session_date", "rung", "detected_at", "session"]
        known = self.panel.rows.iloc[tested]
        said = model.judge(self.panel.X.iloc[tested])
        return known[keys].assign(
            block=block,
            is_holdout=block == FINAL_BLOCK,
            probability=said["probability"],
            expected_r=said["expected_r"],
            trivial_probability=self.trivial(rows, tested),
            majority_probability=float(self.panel.label[rows].mean()),
            risk_tier=said["risk_tier"],
            is_selected=said["is_selected"],
            label=known["label"],
            r_multiple=known["r_multiple"],
            regime=known["regime"],
            is_first=known["is_first"],
        )

    def trivial(self, rows: Rows, tested: Rows) -> NDArray[np.float64]:
        """Return the trivial score: a logistic line on stop, target and time of day."""
        own = new_learner("logistic", TRIVIAL_PARAMS, seed=self.config.model.seed, threads=1)
        matrix = feature_matrix(self.panel.X, TRIVIAL_FEATURES)
        weight = np.ones(rows.size, dtype=np.float32)
        own.fit(matrix[rows], self.panel.label[rows], weight, rounds=1)
        return own.predict(matrix[tested])


def fall_recipe(
    features: tuple[str, ...], config: SelloffModelConfig, replay: ReplayConfig
) -> Recipe:
    """Return the recipe of a model of falls: fixed parameters, the learners of the settings."""
    settings: dict[str, Any] = {"balance": config.balance, "selected_frac": config.selected_frac}
    if config.use_replay:
        settings["replay"] = replay.model_dump(mode="json")
    members = tuple(
        MemberRecipe(name, features, PARAMS[name], {}, config.max_rounds)
        for name in sorted(set(config.learners))
    )
    return Recipe(
        members=members,
        meta_learner="mean",
        calibration=config.calibration,
        # The mean learns nothing, so every out-of-fold row calibrates.
        calibration_frac=1.0,
        seed=config.seed,
        settings={"falls": settings},
    )


def can_calibrate(oof: list[pd.DataFrame]) -> bool:
    """Tell whether out-of-fold rows are enough of both kinds."""
    if not oof:
        return False
    rows = pd.concat(oof)
    one = rows[rows["learner"] == rows["learner"].iloc[0]]
    return len(one) >= MIN_CALIBRATION_EVENTS and one["label"].nunique() == 2


def span_of(panel: Panel, rows: Rows) -> Trained:
    """Return first and last session of training rows, and how many they are."""
    session = panel.rows["session"].to_numpy()[rows]
    return Trained(int(session.min()), int(session.max()), int(rows.size))
