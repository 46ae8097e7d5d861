"""Tables of the judgement: criteria, hold-out reads, searches, scores, the book and its costs."""

from collections.abc import Callable

import pandas as pd

from trading_pipeline.contracts.vocabulary import BASELINES, REGIMES
from trading_pipeline.reports.plots_model import LEARNER_ORDER, in_order
from trading_pipeline.reports.table import (
    Cell,
    Row,
    Table,
    as_is,
    counted,
    table_of,
    valued,
    worded,
)
from trading_pipeline.reports.verdict import PLAIN_PAIR, criterion_name, required
from trading_pipeline.reports.wording import (
    NOT_ASSESSABLE,
    between,
    is_missing,
    minus_signs,
    quantity,
)


def verdict_table(rows: pd.DataFrame) -> Table:
    """Return every criterion with value, threshold, state and detail (gate.verdicts)."""

    def state(row: Row) -> Cell:
        if is_missing(row["is_passed"]):
            return Cell(f"? {NOT_ASSESSABLE}", "open")
        return Cell("✓ passed", "good") if row["is_passed"] else Cell("✗ failed", "bad")

    def value(row: Row) -> str:
        # What could not be assessed has no number here, even where one could be computed.
        has_none = is_missing(row["is_passed"]) or is_missing(row["value"])
        if row["criterion"] == PLAIN_PAIR or has_none:
            return "–"
        return quantity(row["value"], str(row["criterion"]))

    return table_of(
        "Every criterion",
        rows.sort_values("position"),
        [
            ("criterion", lambda row: criterion_name(str(row["criterion"])), False),
            ("result", state, False),
            ("value", value, True),
            ("required", lambda row: required(row["threshold"]), True),
            ("what it rests on", lambda row: minus_signs(str(row["detail"])), False),
        ],
    )


def reads_table(reads: pd.DataFrame) -> Table:
    """Return each opening of the hold-out (splits.holdout_reads)."""
    return table_of(
        "Openings of the hold-out",
        reads.sort_values("read_at"),
        [
            ("opened at (UTC)", lambda row: f"{row['read_at']:%Y-%m-%d %H:%M}", False),
            ("protocol", as_is("protocol_id"), False),
            ("data version", as_is("data_version"), False),
            ("recipe", as_is("recipe_id"), False),
            ("run", as_is("run_id"), False),
        ],
    )


def trials_table(trials: pd.DataFrame) -> Table:
    """Return the best trial of each learner's final search (sweeps.trials)."""
    final = trials[trials["block"] == trials["block"].min()]
    counts = trials.groupby("learner").agg(
        n_trials=("trial", "size"), seconds=("seconds", "sum"), state=("state", _unfinished)
    )
    ranked = final.sort_values(["auc", "trial"], ascending=[False, True], na_position="last")
    best = ranked.drop_duplicates("learner").drop(columns=["seconds", "state"])
    joined = best.merge(counts, left_on="learner", right_index=True)
    order = {name: i for i, name in enumerate(in_order(list(joined["learner"]), LEARNER_ORDER))}
    return table_of(
        "Best of the final search, by learner",
        joined.sort_values("learner", key=lambda names: names.map(order)),
        [
            ("learner", worded("learner"), False),
            ("best AUC", lambda row: quantity(row["auc"]), True),
            ("trial", counted("trial"), True),
            ("rounds", counted("best_round"), True),
            ("trials, all blocks", counted("n_trials"), True),
            ("not completed", counted("state"), True),
            ("seconds", lambda row: f"{row['seconds']:,.1f}", True),
            ("parameters", lambda row: Cell(str(row["params_json"]), "code"), False),
        ],
    )


def _unfinished(states: "pd.Series[str]") -> int:
    return int((states != "complete").sum())


def scores_table(scores: pd.DataFrame) -> Table:
    """Return hold-out scores with n and intervals (ensemble.scores)."""
    learners = in_order(list(scores["learner"]), LEARNER_ORDER)
    regimes = in_order(list(scores["regime"]), ("all", *REGIMES))
    is_beside = scores["learner"].isin(("stack", *BASELINES))
    shown = scores[(scores["regime"] == "all") | is_beside]
    ordered = shown.sort_values(
        ["regime", "learner"],
        key=lambda s: s.map((regimes if s.name == "regime" else learners).index),
    )

    def assessed(name: str, has_interval: bool = False) -> Callable[[Row], str]:
        def write(row: Row) -> str:
            if has_interval and row["is_assessable"]:
                return between(row[name], row[f"{name}_low"], row[f"{name}_high"])
            if has_interval:
                return NOT_ASSESSABLE
            return quantity(row[name]) if row["is_assessable"] else "–"

        return write

    return table_of(
        "Scores on the hold-out",
        ordered,
        [
            ("regime", worded("regime"), False),
            ("model", worded("learner"), False),
            ("AUC", assessed("auc", True), True),
            ("rank IC", assessed("rank_ic", True), True),
            ("accuracy", assessed("accuracy"), True),
            ("ECE", assessed("ece"), True),
            ("slope", assessed("calibration_slope"), True),
            ("rows", counted("n_rows"), True),
            ("sessions", counted("n_sessions"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
        ],
        "Horizons are independent label spans: sessions divided by the horizon. "
        "Too few of them, and a score says nothing.",
    )


def validation_table(validation: pd.DataFrame) -> Table:
    """Return the five validation sets with n and intervals (ensemble.validation), of the stack."""
    stack = validation[validation["learner"] == "stack"]

    def assessed(name: str) -> Callable[[Row], str]:
        def write(row: Row) -> str:
            if not row["is_assessable"]:
                return NOT_ASSESSABLE
            return between(row[name], row[f"{name}_low"], row[f"{name}_high"])

        return write

    return table_of(
        "Validation by regime, before the hold-out",
        stack.sort_values("regime", key=lambda names: names.map(REGIMES.index)),
        [
            ("regime", worded("regime"), False),
            ("AUC", assessed("auc"), True),
            ("accuracy", assessed("accuracy"), True),
            ("ECE", assessed("ece"), True),
            ("slope", assessed("calibration_slope"), True),
            ("rows", counted("n_rows"), True),
            ("sessions", counted("n_sessions"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
            ("rows of", _rows_of, False),
        ],
        "Out-of-fold rows of the rolling window; each rare event is left out of a fit with every "
        "label that touches it, and predicted with parameters found before it began.",
    )


def _rows_of(row: Row) -> str:
    if row["source"] == "archive":
        # Words that wrap: a name in one piece is wider than its column.
        events = str(row["events"]).replace("_", " ")
        return f"archive: {events or 'no event that could be left out'}"
    return "rolling window"


def flips_table(explanations: pd.DataFrame) -> Table:
    """Return features whose relation turns round between regimes (ensemble.explanations)."""
    flipped = explanations[explanations["is_flipped"] & (explanations["learner"] == "mean")]
    order = {name: i for i, name in enumerate(REGIMES)}
    return table_of(
        "Signs that flip between regimes",
        flipped.sort_values(
            ["feature", "regime"], key=lambda s: s.map(order) if s.name == "regime" else s
        ),
        [
            ("feature", as_is("feature"), False),
            ("regime", worded("regime"), False),
            ("relation", _relation, True),
            ("importance", lambda row: quantity(row["share_frac"], "share_frac"), True),
            ("rank", counted("rank"), True),
            ("rows", counted("n_rows"), True),
            ("horizons", lambda row: f"{row['n_horizons']:.1f}", True),
        ],
        "Relation is the rank correlation of value and contribution. Both regimes are assessable "
        "and both intervals clear of zero." + ("" if len(flipped) else " No sign flips."),
    )


def _relation(row: Row) -> str:
    return between(row["relation"], row["relation_low"], row["relation_high"])


def summary_table(summary: pd.DataFrame) -> Table:
    """Return the figures of the book with their intervals (backtest.summary)."""

    def value(row: Row) -> str:
        name = str(row["metric"])
        if is_missing(row["low"]) or is_missing(row["high"]):
            return quantity(row["value"], name)
        return between(row["value"], row["low"], row["high"], name)

    return table_of(
        "Figures of the book",
        summary,
        [
            ("figure", worded("metric"), False),
            ("value", value, True),
            ("n", counted("n"), True),
            ("what it rests on", lambda row: str(row["note"]), False),
        ],
    )


def costs_table(trades: pd.DataFrame) -> Table:
    """Return what each side earned and paid (backtest.trades)."""
    columns = ["notional_usd", "gross_pnl_usd", "cost_usd", "net_pnl_usd"]
    grouped = trades.groupby("side")[columns].sum()
    grouped.insert(0, "n_trades", trades.groupby("side").size())
    if len(grouped) > 1:
        grouped.loc["both"] = grouped.sum()
    grouped["cost_bps"] = grouped["cost_usd"] / grouped["notional_usd"] * 1e4
    return table_of(
        "Costs by side",
        grouped.reset_index(names="side"),
        [
            ("side", worded("side"), False),
            ("trades", counted("n_trades"), True),
            ("traded", valued("notional_usd"), True),
            ("before costs", valued("gross_pnl_usd"), True),
            ("costs", valued("cost_usd"), True),
            ("costs of notional", valued("cost_bps"), True),
            ("net", valued("net_pnl_usd"), True),
        ],
    )
