"""What a report is made from: the stages' frames, and why any of them is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportPayload:
    """Everything one report shows. Frames have the columns of their tables in `sql/migrations`.

    A frame is None where its stage had no input; `notes` then says why, by the field's name.
    `run` has run_id, source, profile, started, as_of, home, config_version, code_version,
    data_version, model_version, card (a file beside the report), seeds and commands; a key that
    is absent is not shown.
    """

    run: Mapping[str, object]
    reality: tuple[str, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    # bars.universe; symbols and rows per month: month, n_symbols, n_rows; bars.quarantine
    coverage: "pd.DataFrame | None" = None
    coverage_months: "pd.DataFrame | None" = None
    quarantine: "pd.DataFrame | None" = None
    # session_date and close of the broad index; regimes.market; memory.rare_events
    index_bars: "pd.DataFrame | None" = None
    regimes: "pd.DataFrame | None" = None
    events: "pd.DataFrame | None" = None
    # memory.archive: event, event_regime, label
    archive: "pd.DataFrame | None" = None
    catalog: "pd.DataFrame | None" = None
    # features.selected
    selected: "pd.DataFrame | None" = None
    labels: "pd.DataFrame | None" = None
    # reports.folds.fold_blocks: fold, role, first_date, last_date
    folds: "pd.DataFrame | None" = None
    # splits.protocols and splits.holdout, one value per column
    protocol: Mapping[str, object] = field(default_factory=dict)
    holdout_reads: "pd.DataFrame | None" = None
    trials: "pd.DataFrame | None" = None
    oof: "pd.DataFrame | None" = None
    # ensemble.holdout, ensemble.scores
    holdout: "pd.DataFrame | None" = None
    scores: "pd.DataFrame | None" = None
    # ensemble.validation, ensemble.explanations
    validation: "pd.DataFrame | None" = None
    explanations: "pd.DataFrame | None" = None
    # ensemble.effects
    effects: "pd.DataFrame | None" = None
    # backtest.equity, backtest.summary, backtest.trades, and the tables made of them
    equity: "pd.DataFrame | None" = None
    summary: "pd.DataFrame | None" = None
    trades: "pd.DataFrame | None" = None
    evidence: "pd.DataFrame | None" = None
    sensitivity: "pd.DataFrame | None" = None
    drawdowns: "pd.DataFrame | None" = None
    monthly: "pd.DataFrame | None" = None
    # outcomes.tracking
    tracking: "pd.DataFrame | None" = None
    drift_features: "pd.DataFrame | None" = None
    drift_sessions: "pd.DataFrame | None" = None
    drift_predictions: "pd.DataFrame | None" = None
    drift_regimes: "pd.DataFrame | None" = None
    episodes: "pd.DataFrame | None" = None
    # selloffs.events, selloffs.features; the verdict on trading falls in words
    selloffs: "pd.DataFrame | None" = None
    selloff_features: "pd.DataFrame | None" = None
    selloff_verdict: str = ""
    # selloffs.scores, selloffs.metrics, selloffs.verdicts, selloffs.backtest, selloffs.equity
    selloff_scores: "pd.DataFrame | None" = None
    selloff_metrics: "pd.DataFrame | None" = None
    selloff_criteria: "pd.DataFrame | None" = None
    selloff_backtest: "pd.DataFrame | None" = None
    selloff_equity: "pd.DataFrame | None" = None
    # domain.selloffs.backtest.offered_falls
    selloff_offered: "pd.DataFrame | None" = None
    # domain.selloffs.gallery.best_and_worst, and the minutes of their sessions
    selloff_trades: "pd.DataFrame | None" = None
    selloff_minutes: "pd.DataFrame | None" = None
    # promoted, rejected or undecided; gate.verdicts
    verdict: str | None = None
    verdict_rows: "pd.DataFrame | None" = None
    # stage, seconds, rows
    stages: "pd.DataFrame | None" = None


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelCard:
    """What a judged model is; frames have the columns of their tables."""

    model_version: str
    verdict: str
    # Names and words, in order: recipe, spans, protocol, counts.
    facts: Mapping[str, str]
    # ensemble.deployed, ensemble.scores, backtest.summary, gate.verdicts
    members: "pd.DataFrame"
    scores: "pd.DataFrame"
    figures: "pd.DataFrame"
    verdict_rows: "pd.DataFrame"
    # Sentences beside those that every model carries.
    limits: tuple[str, ...] = ()
