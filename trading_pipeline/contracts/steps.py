"""The twelve steps of the weekly run, and which of them each table belongs to."""

from dataclasses import dataclass
from typing import Final

STEP_NAMES: Final = (
    "ingest",
    "clean",
    "regimes",
    "archive",
    "features",
    "labels and splits",
    "sampling",
    "sweeps",
    "ensemble",
    "validation with SHAP",
    "gate",
    "drift and report",
)


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One of the twelve; `number` counts from 1."""

    number: int
    name: str

    @property
    def words(self) -> str:
        """As the terminal says it: `step 7 of 12, sampling`."""
        return f"step {self.number} of {len(STEP_NAMES)}, {self.name}"

    @property
    def tag(self) -> str:
        """As Dagster's tags allow it: `07-sampling`."""
        return f"{self.number:02d}-{self.name.lower().replace(' ', '-')}"


STEPS: Final = tuple(Step(number, name) for number, name in enumerate(STEP_NAMES, start=1))

# By step, in its order. The health of the champion comes before everything, so it opens step 1.
_TABLES: Final = {
    "ingest": "gate.health bars.raw_pages bars.requests bars.vix bars.macro bars.sectors"
    " bars.corporate_actions bars.quotes bars.news bars.social bars.options_flow bars.etf_flows"
    " bars.calendar_events",
    "clean": "bars.daily bars.minute bars.quarantine bars.intraday bars.universe bars.coverage"
    " bars.revisions bars.spreads bars.volume_breaks",
    "regimes": "regimes.market",
    "archive": "memory.rare_events memory.archive memory.proposals",
    "features": "features.catalog features.daily features.intraday selloffs.events"
    " selloffs.features selloffs.outcomes",
    "labels and splits": "labels.direction splits.holdout splits.folds",
    "sampling": "features.selected memory.replay",
    "sweeps": "sweeps.lightgbm sweeps.xgboost sweeps.catboost sweeps.gradient_boosting"
    " sweeps.random_forest sweeps.extra_trees sweeps.mlp sweeps.logistic sweeps.svm"
    " sweeps.gru"
    " sweeps.trials sweeps.best",
    "ensemble": "ensemble.oof ensemble.model selloffs.scores selloffs.model",
    "validation with SHAP": "ensemble.validation ensemble.explanations ensemble.effects"
    " ensemble.holdout"
    " ensemble.scores backtest.trades backtest.equity backtest.summary backtest.evidence"
    " backtest.sensitivity backtest.drawdowns backtest.monthly selloffs.metrics"
    " selloffs.explanations selloffs.backtest selloffs.equity",
    "gate": "gate.verdicts ensemble.deployed gate.decisions selloffs.verdicts",
    "drift and report": "predictions.live outcomes.resolved outcomes.tracking drift.features"
    " drift.sessions drift.predictions drift.regimes drift.episodes selloffs.drift"
    " selloffs.alerts selloffs.order_events scans.history reports.cards reports.runs"
    " reports.tracking"
    " reports.training_log",
}
_STEP_OF: Final = {table: step for step in STEPS for table in _TABLES[step.name].split()}


def step_of(table: str) -> Step:
    """Return the step of a table. Raises ValueError for a table that no step names."""
    try:
        return _STEP_OF[table]
    except KeyError:
        raise ValueError(
            f"{table} belongs to no weekly step; name it in contracts/steps.py"
        ) from None
