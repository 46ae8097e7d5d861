"""Ensemble stage: what each part of the training is worth, tried on and off before the hold-out.

ensemble.oof, sweeps.trials, training span  ->  ensemble.effects
"""

from dataclasses import replace
from typing import get_args

import pandas as pd

from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.assets.training import (
    TRAINING_READS,
    TRAINING_SETTINGS,
    TrainingSpan,
    training_fingerprint,
)
from trading_pipeline.contracts.config import PipelineConfig, SwitchName
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.ensemble.baselines import PLAIN_LIGHTGBM, plain_lightgbm
from trading_pipeline.domain.ensemble.effects import (
    EVERYTHING,
    default_trials,
    effect_by_regime,
    is_on,
    turned_over,
)
from trading_pipeline.domain.ensemble.scores import ALL_REGIMES
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.memory.replay import prediction_errors
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.domain.sweeps.search import best_trials
from trading_pipeline.resources import StageRun

NO_STACK = "one block alone was predicted out of fold, a second level learns from earlier ones"


@table_asset(
    "ensemble.effects",
    reads=(*TRAINING_READS, "sweeps.trials", "sweeps.best", "features.selected", "ensemble.oof"),
    settings=("effects", "ensemble", "sweeps", "features", "gate", *TRAINING_SETTINGS),
    kinds=("lightgbm", "xgboost", "catboost"),
    fingerprint=lambda run: training_fingerprint(
        run, "sweeps.trials", "sweeps.best", "features.selected", "ensemble.oof"
    ),
)
def effects(run: StageRun) -> TableResult:
    """Each part on and off, by regime: paired, out of fold, nested; the hold-out stays closed.

    Features and parameters of a block were found on blocks before it; a switch changes the fits
    alone. `everything` is the stack as this run has it against LightGBM as the library comes.
    """
    trial = Trial(run)
    config, parts, notes = run.config, [], {}
    tried = (EVERYTHING, *(s for s in get_args(SwitchName) if s in config.effects.switches))
    for done, name in enumerate(tried, start=1):
        sides = trial.everything() if name == EVERYTHING else trial.sides(name)
        if isinstance(sides, str):
            notes[name] = f"not tried: {sides}"
            continue
        own = effect_by_regime(*sides, config.labels.horizon_sessions, config.gate)
        acts = name == EVERYTHING or is_on(config, name)
        parts.append(own.assign(switch=name, acts=acts))
        run.advance(done, len(tried), "parts tried")
    if not parts:
        return TableResult(run.table("ensemble.effects").iloc[:0], notes)
    table = pd.concat(parts, ignore_index=True).assign(protocol_id=trial.span.protocol.protocol_id)
    table = table[["switch", "acts", *(c for c in table if c not in ("switch", "acts"))]]
    whole = table[table["regime"] == ALL_REGIMES]
    return TableResult(
        table,
        {
            **{
                row["switch"]: (
                    f"{row['finding']}: {row['difference']:+.4f}"
                    f" [{row['difference_low']:+.4f}, {row['difference_high']:+.4f}];"
                    f" {'on' if row['acts'] else 'off'} in this run"
                )
                for row in whole.to_dict("records")
            },
            **notes,
            "learners fitted again": ", ".join(trial.learners),
            "plot": run.plot("effects", "what each part is worth", effects=table),
        },
    )


class Trial:
    """The out-of-fold rows of a run, and those of the same run with one switch turned over."""

    def __init__(self, run: StageRun) -> None:
        self.run, self.span = run, TrainingSpan.load(run)
        self.oof, self.best = run.table("ensemble.oof"), run.table("sweeps.best")
        self.base = self.oof[self.oof["learner"] != STACK]
        self.stack = self.oof[self.oof["learner"] == STACK]
        known = sorted(self.base["learner"].unique())
        asked = run.config.effects.learners
        self.learners = [name for name in known if name in asked] if asked else known
        if not self.learners:
            raise InputError(
                f"effects.learners names {', '.join(asked)}, and the run has {', '.join(known)};"
                " name some of these"
            )
        self.blocks = [block for block in self.span.blocks if block != FINAL_BLOCK]

    def sides(self, switch: SwitchName) -> tuple[pd.DataFrame, pd.DataFrame] | str:
        """Return the decisions with the switch on and with it off; why where one is not there."""
        config = self.run.config
        own_state, other = is_on(config, switch), turned_over(config, switch)
        if switch == "stack":
            if self.stack.empty:
                return NO_STACK
            own, turned = self.stacked(self.span), self.stacked(self.loaded(other))
        elif switch == "search":
            if not own_state:
                return "sweeps.use_search is off, so there is nothing to compare"
            trials = self.run.table("sweeps.trials")
            known = trials[trials["learner"].isin(self.learners)]
            own = self.as_run()
            turned = self.refitted(self.span, best_trials(default_trials(known)))
        else:
            own, turned = self.as_run(), self.refitted(self.loaded(other), self.best)
        return (own, turned) if own_state else (turned, own)

    def everything(self) -> tuple[pd.DataFrame, pd.DataFrame] | str:
        """Return the stack's decisions out of fold, and those of plain LightGBM."""
        stack, parts = self.stack, []
        if stack.empty:
            return NO_STACK
        for block in sorted(stack["block"].unique().tolist()):
            rows = self.span.tested(block)
            asked = self.span.features(block).iloc[rows]
            keys = self.span.panel.rows.iloc[rows][["symbol", "session"]]
            columns = self.span.selected(block)
            p = plain_lightgbm(self.span, block, columns, asked)
            parts.append(keys.assign(oof_probability=p))
        plain = stack.drop(columns=["oof_probability", "learner"]).merge(
            pd.concat(parts, ignore_index=True), on=["symbol", "session"], validate="one_to_one"
        )
        return self.mean(stack), self.mean(plain.assign(learner=PLAIN_LIGHTGBM))

    def loaded(self, config: PipelineConfig) -> TrainingSpan:
        """Return the training span as other settings have it."""
        return TrainingSpan.load(replace(self.run, config=config))

    def as_run(self) -> pd.DataFrame:
        """Return the mean of the learners that are fitted again, as the run has it.

        Replay learns from the errors of all learners: with fewer, they are fitted anew.
        """
        own = self.base[self.base["learner"].isin(self.learners)]
        if self.run.config.sampling.use_replay and len(own) < len(self.base):
            return self.refitted(self.span, self.best)
        return self.mean(own)

    def refitted(self, span: TrainingSpan, best: pd.DataFrame) -> pd.DataFrame:
        """Return the learners' mean out of fold as another span fits them."""
        tested = {block: span.tested(block) for block in self.blocks}
        recipes = {
            block: span.recipe(block, best, span.selected(block)).keeping(self.learners)
            for block in self.blocks
        }
        rows = span.out_of_fold(recipes, tested, lambda *_: None)
        if span.failed:
            raise InputError(f"a learner failed with a switch turned over: {dict(span.failed)}")
        return self.mean(rows)

    def stacked(self, span: TrainingSpan) -> pd.DataFrame:
        """Return the second level's decisions out of fold, as a span fits it."""
        recipe = span.recipe(FINAL_BLOCK, self.best, span.selected(FINAL_BLOCK))
        recipe = recipe.keeping(set(self.base["learner"]))
        wide = span.second_level_rows(self.base, recipe)
        return self.mean(span.stack_oof(wide, recipe))

    def mean(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return one mean probability a decision, with its regime."""
        known = self.span.panel.rows
        errors = prediction_errors(rows, known)
        regime = known[["symbol", "session", "regime"]]
        return errors.merge(regime, on=["symbol", "session"], validate="one_to_one")
