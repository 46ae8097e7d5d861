"""The sections of the report in their order: a sentence, pictures and tables for each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pandas as pd
from markupsafe import Markup

from trading_pipeline.contracts.report import ReportPayload
from trading_pipeline.reports import (
    plots,
    tables_book,
    tables_data,
    tables_model,
    tables_outcomes,
    tables_selloffs,
    tables_worth,
)
from trading_pipeline.reports.table import Table
from trading_pipeline.reports.wording import minus_signs, words

WIDE, NARROW = 960, 370
SELLOFF_SLICES = (
    ("entry_delay", "Falls by entry delay, minutes"),
    ("cost_multiple", "Falls at other costs"),
    ("rung", "Falls by depth"),
    ("regime", "Falls by regime"),
    ("hour", "Falls by hour"),
    ("sector", "Falls by sector"),
    ("symbol", "Falls by symbol"),
)


@dataclass(frozen=True)
class Picture:
    """One plot in two shapes; the page shows the one that fits."""

    wide: Markup
    narrow: Markup
    caption: str


@dataclass(frozen=True)
class Section:
    """What a reader jumps to."""

    anchor: str
    name: str
    lead: str
    findings: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    folded: list[Table] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


class _Builder:
    """Adds what there is to a section, and says why something is not there."""

    def __init__(self, payload: ReportPayload, anchor: str, name: str, lead: str) -> None:
        self.notes = payload.notes
        self.section = Section(anchor, name, lead)

    def _has(self, field_name: str, frame: pd.DataFrame | None) -> bool:
        if frame is not None and not frame.empty:
            return True
        default = "this run has none" if frame is None else "no rows"
        reason = f"{words(field_name).capitalize()}: {self.notes.get(field_name, default)}."
        if reason not in self.section.missing:
            self.section.missing.append(reason)
        return False

    def picture(
        self,
        field_name: str,
        frame: pd.DataFrame | None,
        draw: Callable[[pd.DataFrame, int], str],
        caption: str,
    ) -> "_Builder":
        if self._has(field_name, frame) and frame is not None:
            # SVG built by our own escaping writer, so it may stand as markup.
            wide, narrow = Markup(draw(frame, WIDE)), Markup(draw(frame, NARROW))
            self.section.pictures.append(Picture(wide, narrow, caption))
        return self

    def table(
        self,
        frame: pd.DataFrame | None,
        write: Callable[[pd.DataFrame], Table],
        is_folded: bool = False,
    ) -> "_Builder":
        if frame is not None and not frame.empty:
            target = self.section.folded if is_folded else self.section.tables
            target.append(write(frame))
        return self


def sections(payload: ReportPayload) -> list[Section]:
    """Return all sections of a report, in reading order."""
    parts = (_data, _prices, _features, _folds, _sweeps, _by_regime, _worth, _scores, _book)
    rest = (_outcomes, _drift, _selloffs, _gate, _stages)
    return [part(payload).section for part in (*parts, *rest)]


def _data(p: ReportPayload) -> _Builder:
    lead = (
        "What came in, and what was refused. A refused row is kept with its reason and never "
        "reaches a feature."
    )
    b = _Builder(p, "data", "Data", lead)
    b.picture(
        "coverage",
        p.coverage,
        lambda f, w: plots.plot_coverage(f, p.coverage_months, w),
        "Symbols with bars over time, and from when to when each has them.",
    )
    b.table(p.coverage, tables_data.universe_table)
    b.picture("quarantine", p.quarantine, plots.plot_quarantine, "Rows per rule that refused them.")
    return b.table(p.quarantine, tables_data.quarantine_table)


def _prices(p: ReportPayload) -> _Builder:
    lead = (
        "Each session has one of five labels, made only from what was known that evening. The rare "
        "events are the crises the archive remembers."
    )
    b = _Builder(p, "regimes", "Regimes", lead)
    b.picture(
        "index_bars",
        p.index_bars,
        lambda f, w: plots.plot_price_regimes(f, p.regimes, p.events, w),
        "The broad index; tints and the strip show the regime, brackets the rare events.",
    )
    b.picture("regimes", p.regimes, plots.plot_regime_counts, "Sessions under each label.")
    b.table(p.regimes, tables_data.regimes_table)
    b.table(p.events, tables_data.events_table)
    caption = "Labelled rows of each event; a fit draws only from events that ended before its cut."
    return b.picture("archive", p.archive, plots.plot_archive, caption)


def _features(p: ReportPayload) -> _Builder:
    lead = "What the models may look at, and how the target is spread over time."
    b = _Builder(p, "features", "Features", lead)
    b.picture(
        "catalog",
        p.catalog,
        lambda f, w: plots.plot_feature_families(f, p.selected, w),
        "Features by family; the full colour marks those the final fit may use.",
    )
    caption = "About half of the labels lie above the median by construction."
    return b.picture("labels", p.labels, plots.plot_label_balance, caption)


def _folds(p: ReportPayload) -> _Builder:
    lead = (
        "What trained and what tested. Labels whose span touches a test block are purged, and the "
        "embargo keeps quiet after it; the hold-out is opened by the gate only, and every opening "
        "is counted."
    )
    b = _Builder(p, "folds", "Folds", lead)
    b.picture("folds", p.folds, plots.plot_folds, "One row per fold, time from left to right.")
    b.table(p.holdout_reads, tables_model.reads_table)
    return b.table(p.folds, tables_data.folds_table, is_folded=True)


def _sweeps(p: ReportPayload) -> _Builder:
    lead = (
        "Each learner's search for parameters, on folds inside the training span. More trials make "
        "a lucky one likelier; the deflated Sharpe ratio pays for them."
    )
    b = _Builder(p, "search", "Search", lead)
    caption = "AUC of every trial; a search that climbs by less than its scatter found little."
    b.picture("trials", p.trials, plots.plot_sweep_history, caption)
    b.table(p.trials, tables_model.trials_table)
    caption = "Predictions of rows no model had seen, block by block; whiskers are intervals."
    return b.picture("oof", p.oof, plots.plot_oof, caption)


def _by_regime(p: ReportPayload) -> _Builder:
    lead = (
        "What the model looks at and how well it does, regime by regime, on rows before the "
        "hold-out. Crash and recovery are rare events left out of a fit and then predicted."
    )
    b = _Builder(p, "by-regime", "By regime", lead)
    caption = "Five validation sets; a set with too few independent horizons says so."
    b.picture("validation", p.validation, plots.plot_validation, caption)
    b.table(p.validation, tables_model.validation_table)
    caption = (
        "Mean size of each feature's contribution to the log odds; + and − tell whether a higher "
        "value raises or lowers the score."
    )
    b.picture("explanations", p.explanations, plots.plot_importance, caption)
    return b.table(p.explanations, tables_model.flips_table)


def _worth(p: ReportPayload) -> _Builder:
    lead = (
        "Each part of the training tried on and off on the same rows, before the hold-out was "
        "opened. A part whose interval holds zero has shown nothing."
    )
    b = _Builder(p, "worth", "What each part is worth", lead)
    caption = "AUC on less AUC off, out of fold; everything is the stack against plain LightGBM."
    b.picture("effects", p.effects, plots.plot_effects, caption)
    return b.table(p.effects, tables_worth.effects_table)


def _scores(p: ReportPayload) -> _Builder:
    lead = (
        "How well the challenger ranks and how honest its probabilities are, on sessions nothing "
        "was fitted on. An AUC of 0.5 is a coin; an interval that holds 0.5 proves nothing."
    )
    b = _Builder(p, "holdout", "Hold-out", lead)
    caption = "The stack beside its learners and three baselines on the same rows."
    b.picture("scores", p.scores, plots.plot_scores, caption)
    b.picture(
        "holdout",
        p.holdout,
        lambda f, w: plots.plot_roc(f, "regime", w),
        "A curve above the diagonal ranks better than a coin.",
    )
    caption = "On the diagonal, a forecast of 55 % comes true 55 times in 100."
    b.picture("holdout", p.holdout, plots.plot_calibration, caption)
    return b.table(p.scores, tables_model.scores_table)


def _book(p: ReportPayload) -> _Builder:
    lead = (
        "What trading the predictions over the hold-out would have earned after spread, slippage, "
        "commission and borrowing."
    )
    b = _Builder(p, "book", "Book", lead)
    caption = "Net of costs, before costs, and the index held; below, the fall from the peak."
    b.picture("equity", p.equity, plots.plot_equity, caption)
    b.picture(
        "monthly", p.monthly, plots.plot_monthly_returns, "Blue earned, orange lost; net of costs."
    )
    caption = "Net return falls by the same amount with each multiple of the costs."
    b.picture("sensitivity", p.sensitivity, plots.plot_cost_sensitivity, caption)
    b.picture("drawdowns", p.drawdowns, plots.plot_drawdowns, "Named by the date of their peak.")
    b.table(p.summary, tables_model.summary_table)
    b.table(p.evidence, tables_book.evidence_table)
    b.table(p.trades, tables_model.costs_table)
    b.table(p.sensitivity, tables_book.sensitivity_table, is_folded=True)
    b.table(p.drawdowns, tables_book.drawdowns_table, is_folded=True)
    return b.table(p.monthly, tables_book.monthly_table, is_folded=True)


def _outcomes(p: ReportPayload) -> _Builder:
    lead = (
        "What followed the words of the models in service, or, before the first is promoted, what "
        "the judged model would have said live over its hold-out; the worst stand first."
    )
    b = _Builder(p, "outcomes", "Outcomes", lead)
    if p.tracking is None or p.tracking.empty:
        reason = p.notes.get("tracking", "no prediction has been resolved yet")
        b.section.missing.append(f"Tracking: {reason}.")
    b.table(p.tracking, tables_outcomes.sectors_table)
    return b.table(p.tracking, tables_outcomes.symbols_table)


def _drift(p: ReportPayload) -> _Builder:
    lead = (
        "How far live features have moved from the training window of the model in service. A "
        "spell of drift asks for one retrain."
    )
    b = _Builder(p, "drift", "Drift", lead)
    b.picture(
        "drift_features",
        p.drift_features,
        lambda f, w: plots.plot_drift(f, p.drift_sessions, width=w),
        "PSI: 0.10 is worth watching, 0.25 has moved, if above the feature's own threshold.",
    )
    b.table(p.drift_features, tables_data.drift_table)
    b.table(p.drift_predictions, tables_outcomes.scores_drift_table)
    b.table(p.drift_regimes, tables_outcomes.regimes_drift_table)
    return b.table(p.episodes, tables_data.episodes_table)


def _selloffs(p: ReportPayload) -> _Builder:
    lead = (
        "First minutes in which a symbol fell a rung below its session's open, and what trading "
        "them is worth with a model and without, on falls no model had seen."
    )
    b = _Builder(p, "selloffs", "Selloffs", lead)
    if p.selloff_verdict:
        b.section.findings.append(minus_signs(p.selloff_verdict))
    caption = "Events by depth of the fall and by hour in New York."
    b.picture("selloffs", p.selloffs, plots.plot_selloffs, caption)
    if p.selloffs is not None and not p.selloffs.empty:
        caption = "Context that is missing leaves the feature missing and keeps the fall."
        b.picture("selloff_features", p.selloff_features, plots.plot_selloff_features, caption)
        # One reason is enough where no model has spoken.
        caption = "On the diagonal, a fall said to reverse with 40 % does so 40 times in 100."
        b.picture("selloff_scores", p.selloff_scores, plots.plot_selloff_reliability, caption)
    if p.selloff_equity is not None and not p.selloff_equity.empty:
        caption = "An interval that holds zero proves nothing."
        b.picture("selloff_backtest", p.selloff_backtest, plots.plot_selloff_scanners, caption)
        caption = "Without the model every fall is taken; both pay spread, slippage and commission."
        b.picture("selloff_equity", p.selloff_equity, plots.plot_selloff_equity, caption)
        caption = "Where trades earned and lost, of all falls and of those the model chose."
        b.picture("selloff_offered", p.selloff_offered, plots.plot_selloff_hours, caption)
    minutes = p.selloff_minutes
    if minutes is not None and p.selloff_trades is not None and not p.selloff_trades.empty:
        b.picture(
            "selloff_trades",
            p.selloff_trades,
            lambda f, w: plots.plot_selloff_gallery(f, minutes, w),
            "The best and the worst trades, whether a model chose them or not: no measure of what "
            "to expect.",
        )
    for span in ("holdout", "oof"):
        b.table(p.selloff_backtest, partial(tables_selloffs.scanners_table, span=span))
    for kind, title in SELLOFF_SLICES:
        b.table(
            p.selloff_backtest,
            partial(tables_selloffs.slices_table, kind=kind, title=title),
            is_folded=kind not in ("entry_delay", "cost_multiple"),
        )
    b.table(p.selloff_metrics, tables_selloffs.metrics_table)
    b.table(p.selloff_criteria, tables_selloffs.criteria_table)
    return b.table(p.selloffs, tables_data.selloffs_table)


def _gate(p: ReportPayload) -> _Builder:
    lead = (
        "Every criterion with its number. A verdict proposes; a human decides. What could not be "
        "measured is said so and counts as neither passed nor failed."
    )
    b = _Builder(p, "gate", "Gate", lead)
    if p.verdict_rows is None or p.verdict_rows.empty:
        reason = p.notes.get("verdict_rows", "the gate did not run")
        b.section.missing.append(f"Verdict: {reason}.")
    return b.table(p.verdict_rows, tables_model.verdict_table)


def _stages(p: ReportPayload) -> _Builder:
    lead = "What the run did and how long each stage took."
    b = _Builder(p, "run", "Run", lead)
    return b.table(p.stages, tables_data.stages_table)
