"""Pictures of a model by regime: what moves it, and how well it does before the hold-out."""

from collections.abc import Hashable
from typing import Any

import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.palette import REGIME_CLASS
from trading_pipeline.reports.panel import ROW_PX, Panel
from trading_pipeline.reports.plots_model import STACK, WIDE
from trading_pipeline.reports.scales import padded_range, percent, plain
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import between, is_missing, joined, quantity, words

MEAN = "mean"
ALL_REGIMES = "all"
SHOWN = 20
BAR_PX = 6.0
LEAST_ROW_PX = 18.0
SIGNS = {1: "+", -1: "−"}


def plot_importance(explanations: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the 20 most important features, one bar a regime, with the sign of each relation.

    `explanations` is ensemble.explanations; the mean of the learners is drawn. Regimes that are
    not assessable are named instead.
    """
    title = "Importance of features, by regime"
    mean = explanations[explanations["learner"] == MEAN]
    if mean.empty:
        return nothing_to_show(title, "no model was explained", width)
    cells = {(str(r["feature"]), str(r["regime"])): r for r in mean.to_dict("records")}
    whole = mean[mean["regime"] == ALL_REGIMES].sort_values("rank")
    features = [str(name) for name in whole["feature"].head(SHOWN)]
    known = [r for r in (ALL_REGIMES, *REGIMES) if (features[0], r) in cells]
    first = {regime: cells[features[0], regime] for regime in known}
    drawn = [r for r in known if r == ALL_REGIMES or first[r]["is_assessable"]]
    figure = Figure(title, f"{len(features)} features of {len(whole)}.", width)
    colours = {ALL_REGIMES: "ink", **REGIME_CLASS}
    figure.legend([(colours[r], f"{words(r)}: {first[r]['n_rows']:,} rows") for r in drawn])
    most = {f: max(float(cells[f, r]["share_frac"]) for r in drawn) for f in features}
    panel = Panel(
        figure,
        max(BAR_PX * len(drawn) + 8, LEAST_ROW_PX) * len(features),
        (0.0, max(most.values()) * 1.04 or 1.0),
        (0.0, 1.0),
        rows=[_short(name, width) for name in features],
        x_write=percent,
        x_title="share of all contributions",
        right=24.0,
    )
    height = 0.8 / len(drawn)
    for i, feature in enumerate(features):
        for j, regime in enumerate(drawn):
            cell, top = cells[feature, regime], i + 0.1 + j * height
            across = (0.0, float(cell["share_frac"]))
            panel.box(across, (top, top + 0.86 * height), colours[regime], _tip(cell))
        panel.note(most[feature], i + 0.5, _mark([cells[feature, r] for r in drawn]))
    quiet = [f"{words(r)} ({first[r]['n_horizons']:.1f} horizons)" for r in known if r not in drawn]
    if quiet:
        figure.remark(f"Not assessable: {joined(quiet)}.")
    figure.remark("+ or −: a higher value raises or lowers the score; ±: it depends on the regime.")
    return figure.svg()


def _tip(cell: dict[Hashable, Any]) -> str:
    tip = f"{cell['feature']}, {words(str(cell['regime']))}: "
    tip += quantity(cell["share_frac"], "share_frac")
    if not is_missing(cell["relation"]):
        ends = (cell["relation_low"], cell["relation_high"])
        tip += f", relation {between(cell['relation'], *ends)}"
    return tip


def _mark(cells: list[dict[Hashable, Any]]) -> str:
    """Return the sign over all rows, and ± where assessable regimes contradict each other."""
    if any(cell["is_flipped"] for cell in cells):
        return "±"
    sign = cells[0]["sign"]
    return "" if is_missing(sign) else SIGNS.get(int(sign), "")


def _short(name: str, width: int) -> str:
    room = 34 if width >= WIDE else 15
    return name if len(name) <= room else f"{name[: room - 1]}…"


def plot_validation(validation: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the stack's AUC with its interval on each of the five validation sets.

    `validation` is ensemble.validation. A set that is not assessable says so instead of a dot.
    """
    title = "Validation AUC by regime, before the hold-out"
    stack = validation[validation["learner"] == STACK].set_index("regime")
    regimes = [r for r in REGIMES if r in stack.index]
    if not regimes:
        return nothing_to_show(title, "nothing was validated", width)
    known = stack[stack["is_assessable"]]
    span = padded_range(known[["auc", "auc_low", "auc_high"]], include=(0.5,))
    figure = Figure(title, "Dots are AUC, whiskers its interval, dashes no skill.", width)
    panel = Panel(
        figure,
        (ROW_PX + 3) * len(regimes),
        span,
        (0, 1),
        rows=[words(r) for r in regimes],
        x_write=plain,
        x_title="AUC",
    )
    panel.upright(0.5)
    for i, regime in enumerate(regimes):
        row = stack.loc[regime].to_dict()
        if is_missing(row["auc"]) or not row["is_assessable"]:
            panel.note(span[0], i + 0.5, f"not assessable ({row['n_horizons']:.1f} horizons)")
            continue
        css, shown = REGIME_CLASS[regime], between(row["auc"], row["auc_low"], row["auc_high"])
        panel.whisker((row["auc_low"], row["auc_high"]), (i + 0.5, i + 0.5), css)
        tip = f"{words(regime)}: {shown}, n {row['n_rows']:,}"
        panel.dots([row["auc"]], [i + 0.5], css, [tip], 4.5)
    return figure.svg()
