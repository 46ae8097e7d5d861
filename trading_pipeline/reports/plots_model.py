"""Pictures of learning: features, labels, folds, searches, and scores of predictions."""

from collections.abc import Sequence
from itertools import cycle
from typing import get_args

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import LearnerName
from trading_pipeline.contracts.vocabulary import BASELINES, REGIMES
from trading_pipeline.reports.folds import FINAL_FOLD
from trading_pipeline.reports.intervals import auc_interval, reliability, roc_curve
from trading_pipeline.reports.palette import REGIME_CLASS, ROLE_CLASS, SERIES
from trading_pipeline.reports.panel import ROW_PX, Panel, bar_rows
from trading_pipeline.reports.scales import Tick, count, day_numbers, padded_range, percent, plain
from trading_pipeline.reports.svg import Figure, nothing_to_show
from trading_pipeline.reports.wording import between, day, is_missing, words

WIDE = 960
STACK = "stack"
FEWEST_PER_LABEL = 20
LEARNER_ORDER = (STACK, *get_args(LearnerName), "champion", *BASELINES)


def in_order(names: Sequence[str], order: Sequence[str]) -> list[str]:
    """Return the distinct names, those of `order` first, the others sorted after them."""
    known = [name for name in order if name in set(names)]
    return known + sorted(set(names) - set(known))


def plot_feature_families(
    catalog: pd.DataFrame, selected: pd.DataFrame | None = None, width: int = WIDE
) -> str:
    """Draw the features of each family, and how many the final fit may use.

    `catalog` is features.catalog (feature, family); `selected` is features.selected (block,
    feature, is_selected), of which block 0 is the final fit.
    """
    title = "Features by family"
    if catalog.empty:
        return nothing_to_show(title, "the catalogue is empty", width)
    families = catalog.groupby("family").size().sort_values(ascending=False, kind="stable")
    used: dict[str, int] = {}
    if selected is not None and not selected.empty:
        final = selected[(selected["block"] == FINAL_FOLD) & selected["is_selected"]]
        chosen = catalog[catalog["feature"].isin(final["feature"])]
        used = {str(f): int(n) for f, n in chosen.groupby("family").size().items()}
    has_choice = bool(used)
    rows = [
        (
            words(str(family)),
            float(n),
            "s1 soft" if has_choice else "s1",
            f"{used.get(str(family), 0)} of {n} used" if has_choice else f"{n}",
        )
        for family, n in families.items()
    ]
    figure = Figure(title, f"{len(catalog)} features in {len(rows)} families.", width)
    panel = bar_rows(figure, rows, write=count, x_title="features")
    for i, family in enumerate(families.index):
        if used.get(str(family)):
            panel.box((0, used[str(family)]), (i + 0.16, i + 0.84), "s1", rows[i][3])
    return figure.svg()


def plot_label_balance(labels: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the monthly share of label 1 and the closed labels (labels.direction)."""
    title = "Share of labels above the median, by month"
    closed = labels[labels["label"].notna()]
    if closed.empty:
        return nothing_to_show(title, "no label is closed", width)
    month = closed["session_date"].dt.to_period("M").dt.to_timestamp()
    by_month = closed["label"].astype("float64").groupby(month).agg(["mean", "size"])
    at = day_numbers(by_month.index)
    figure = Figure(title, f"{len(closed):,} closed labels.", width)
    span = (float(at[0]), float(at[-1]) + 31)
    low, high = padded_range(by_month["mean"], include=(0.45, 0.55))
    top = Panel(
        figure, 130.0, span, (low, high), x_kind="time", y_write=percent, left=62.0, y_title="share"
    )
    top.level(0.5)
    top.line(at, by_month["mean"], "s1")
    most = float(by_month["size"].max())
    foot = Panel(
        figure, 80.0, span, (0, most), x_kind="time", y_write=count, left=62.0, y_title="labels"
    )
    foot.area(at, by_month["size"], 0.0, "s1")
    foot.step(at, by_month["size"], "s1", 1.2)
    return figure.svg()


def plot_folds(blocks: pd.DataFrame, width: int = WIDE) -> str:
    """Draw what trains, what tests and what stays quiet (fold, role, first_date, last_date).

    Fold 0 is the final fit with the hold-out. `reports.folds.fold_blocks` makes the frame.
    """
    title = "Folds: training, purge, test, embargo and hold-out"
    if blocks.empty:
        return nothing_to_show(title, "no label falls into a fold", width)
    ids = sorted(set(blocks["fold"]) - {FINAL_FOLD})
    has_final = FINAL_FOLD in set(blocks["fold"])
    order = [*ids, FINAL_FOLD] if has_final else ids
    names = [f"fold {i}" for i in ids] + (["final"] if has_final else [])
    begin, end = day_numbers(blocks["first_date"]), day_numbers(blocks["last_date"]) + 1
    figure = Figure(title, f"{len(ids)} folds.", width)
    present = set(blocks["role"])
    shown = {"holdout": "hold-out", "purge": "purged"}
    figure.legend([(css, shown.get(r, r)) for r, css in ROLE_CLASS.items() if r in present])
    span = (float(begin.min()), float(end.max()))
    panel = Panel(figure, (ROW_PX + 5) * len(order), span, (0, 1), x_kind="time", rows=names)
    # Purge and embargo are a few weeks in many years: drawn last, and three pixels wide at least.
    least = 3 * (span[1] - span[0]) / (panel.right - panel.left)
    quiet = blocks["role"].isin(["purge", "embargo"]).to_numpy()
    for i in np.argsort(quiet, kind="stable"):
        block = blocks.iloc[i]
        row, role = order.index(block["fold"]), str(block["role"])
        tip = f"{names[row]}, {shown.get(role, role)}: "
        tip += f"{day(block['first_date'])} to {day(block['last_date'])}"
        right = max(end[i], begin[i] + least) if quiet[i] else end[i]
        panel.box((begin[i], right), (row + 0.15, row + 0.85), ROLE_CLASS[role], tip)
    figure.remark("Purge and embargo are drawn at least three pixels wide, so that they show.")
    return figure.svg()


def plot_oof(oof: pd.DataFrame, width: int = WIDE) -> str:
    """Draw each learner's out-of-fold AUC per block, with intervals (ensemble.oof)."""
    title = "Out-of-fold AUC by block"
    scored = [
        (
            str(part["learner"].iloc[0]),
            int(part["block"].iloc[0]),
            auc_interval(*_arrays(part, "oof_probability")),
        )
        for _, part in oof.groupby(["learner", "block"], sort=True)
        if part["label"].nunique() == 2
    ]
    if not scored:
        return nothing_to_show(title, "no block has out-of-fold values of both labels", width)
    learners = in_order([row[0] for row in scored], LEARNER_ORDER)
    blocks = sorted({row[1] for row in scored})
    figure = Figure(title, f"{len(learners)} learners, blocks {blocks[0]} to {blocks[-1]}.", width)
    colours = dict(zip(learners, cycle(SERIES), strict=False))
    figure.legend([(colours[name], words(name)) for name in learners])
    ends = [[row[2].value, row[2].low, row[2].high] for row in scored]
    panel = Panel(
        figure,
        220.0,
        (blocks[0] - 0.5, blocks[-1] + 0.5),
        padded_range(ends, include=(0.5,)),
        x_ticks=[Tick(float(b), f"block {b}") for b in blocks],
        y_title="AUC",
    )
    panel.level(0.5)
    for learner, block, score in scored:
        x = block + (learners.index(learner) - (len(learners) - 1) / 2) * 0.14
        tip = f"{words(learner)}, block {block}: {between(score.value, score.low, score.high)}"
        panel.whisker((x, x), (score.low, score.high), colours[learner])
        panel.dots([x], [score.value], colours[learner], [tip], 4.0)
    return figure.svg()


def _arrays(part: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        part[column].to_numpy("float64"),
        part["label"].to_numpy("int64"),
        part["session"].to_numpy("int64"),
    )


def _groups(holdout: pd.DataFrame, by: str) -> list[tuple[str, str, pd.DataFrame]]:
    """Return (name, class, rows) of the curves: all rows first where they are split by regime."""
    if by == "learner":
        names = in_order(list(holdout["learner"]), LEARNER_ORDER)
        return [
            (words(name), css, holdout[holdout["learner"] == name])
            for name, css in zip(names, cycle(SERIES), strict=False)
        ]
    stack = holdout[holdout["learner"] == STACK]
    by_regime = [(words(r), REGIME_CLASS[r], stack[stack["regime"] == r]) for r in REGIMES]
    return [("all regimes", "ink", stack), *by_regime]


def _has_both(part: pd.DataFrame) -> bool:
    counts = part["label"].value_counts()
    return len(counts) == 2 and int(counts.min()) >= FEWEST_PER_LABEL


def plot_roc(holdout: pd.DataFrame, by: str = "regime", width: int = WIDE) -> str:
    """Draw ROC curves over the hold-out, by `regime` (of the stack) or by `learner`.

    `holdout` is ensemble.holdout. The legend gives AUC with its interval and n. Groups with
    fewer than 20 rows of a label are named as not assessable.
    """
    title = f"Hold-out ROC by {by}"
    groups = _groups(holdout, by)
    drawn = [(name, css, part) for name, css, part in groups if _has_both(part)]
    if not drawn:
        return nothing_to_show(title, "the hold-out has no rows of both labels", width)
    figure = Figure(title, f"{len(drawn)} curves.", width)
    entries = []
    for name, css, part in drawn:
        score = auc_interval(*_arrays(part, "probability"))
        shown = between(score.value, score.low, score.high)
        sessions = part["session"].nunique()
        entries.append((css, f"{name}: {shown}, {len(part):,} rows in {sessions:,} sessions"))
    side, top = float(min(width - 60, 400)), figure.bottom
    is_wide = width - side > 400
    if not is_wide:
        figure.legend(entries)
    panel = Panel(
        figure,
        side,
        (0.0, 1.0),
        (0.0, 1.0),
        x_write=percent,
        y_write=percent,
        x_title="false positive rate",
        y_title="true positive rate",
        right=max(14.0, width - 60 - side),
    )
    if is_wide:
        foot, figure.bottom = figure.bottom, top + 20
        for entry in entries:
            figure.legend([entry], left=side + 90)
        figure.bottom = foot
    panel.line([0, 1], [0, 1], "s7", 1.0, is_dashed=True)
    for _, css, part in reversed(drawn):
        x, y = roc_curve(*_arrays(part, "probability")[:2])
        grid = np.linspace(0, 1, 121)
        panel.line(grid, np.interp(grid, x, y), css, 2.6 if css == "ink" else 1.7)
    _name_the_rest(figure, groups, {name for name, _, _ in drawn})
    return figure.svg()


def _name_the_rest(
    figure: Figure, groups: list[tuple[str, str, pd.DataFrame]], drawn: set[str]
) -> None:
    rest = [f"{name} ({len(part):,} rows)" for name, _, part in groups if name not in drawn]
    if rest:
        figure.remark(f"Not assessable, too few rows: {', '.join(rest)}.")


def plot_calibration(holdout: pd.DataFrame, width: int = WIDE, n_bins: int = 8) -> str:
    """Draw predicted against observed chances of the stack, in bins of equal counts, by regime.

    `holdout` is ensemble.holdout. Whiskers are block-clustered intervals; the diagonal is perfect
    calibration.
    """
    title = "Hold-out calibration of the stack, by regime"
    groups = _groups(holdout, "regime")
    drawn = [(name, css, part) for name, css, part in groups if _has_both(part)]
    if not drawn:
        return nothing_to_show(title, "the hold-out has no rows of both labels", width)
    bins = [
        (name, css, reliability(*_arrays(part, "probability"), n_bins)) for name, css, part in drawn
    ]
    low, high = padded_range(
        *[b[["predicted", "observed"]] for _, _, b in bins], bins[0][2][["low", "high"]]
    )
    span = (max(low, 0.0), min(high, 1.0))
    figure = Figure(title, f"{len(drawn)} groups of rows, {n_bins} bins each.", width)
    figure.legend([(c, f"{n}: {len(p):,} rows") for n, c, p in drawn])
    columns = max(1, min(len(drawn), width // 300))
    _small_multiples(figure, bins, span, columns)
    _name_the_rest(figure, groups, {name for name, _, _ in drawn})
    return figure.svg()


def _small_multiples(
    figure: Figure,
    bins: list[tuple[str, str, pd.DataFrame]],
    span: tuple[float, float],
    columns: int,
) -> None:
    """Draw one square panel per group, `columns` beside each other."""
    cell = figure.width / columns
    top = figure.bottom
    for i, (name, css, part) in enumerate(bins):
        if i % columns == 0:
            top = figure.bottom
        figure.bottom = top
        offset = (i % columns) * cell
        panel = Panel(
            figure,
            180.0,
            span,
            span,
            x_write=percent,
            y_write=percent,
            y_title=name,
            inset=offset,
            right=figure.width - offset - cell + 14.0,
            x_title="predicted",
        )
        panel.line(span, span, "s7", 1.0, is_dashed=True)
        tips = []
        for row in part.to_dict("records"):
            at = float(row["predicted"])
            panel.whisker((at, at), (max(row["low"], span[0]), min(row["high"], span[1])), css)
            seen = between(row["observed"], row["low"], row["high"])
            tips.append(f"{name}: predicted {at:.3f}, observed {seen}, n {row['n_rows']:,}")
        panel.dots(part["predicted"], part["observed"], css, tips, 3.6)


def plot_scores(scores: pd.DataFrame, width: int = WIDE) -> str:
    """Draw hold-out AUC with intervals: learners on all rows, then the stack by regime.

    `scores` is ensemble.scores. A row that is not assessable says so instead of a dot.
    """
    title = "Hold-out AUC with intervals"
    whole = scores[scores["regime"] == "all"].set_index("learner")
    stack = scores[(scores["learner"] == STACK) & (scores["regime"] != "all")].set_index("regime")
    rows = [
        (words(n), s, whole.loc[n].to_dict())
        for n, s in zip(in_order(list(whole.index), LEARNER_ORDER), cycle(SERIES), strict=False)
    ]
    rows += [
        (f"stack, {words(r)}", REGIME_CLASS[r], stack.loc[r].to_dict())
        for r in in_order(list(stack.index), REGIMES)
        if r in REGIME_CLASS
    ]
    if not rows:
        return nothing_to_show(title, "nothing was scored on the hold-out", width)
    known = [[r["auc"], r["auc_low"], r["auc_high"]] for _, _, r in rows if r["is_assessable"]]
    low, high = padded_range(*known, include=(0.5,))
    figure = Figure(title, "Dots are AUC, whiskers its interval, dashes no skill.", width)
    panel = Panel(
        figure,
        (ROW_PX + 3) * len(rows),
        (low, high),
        (0, 1),
        rows=[name for name, _, _ in rows],
        x_write=plain,
        x_title="AUC",
    )
    panel.upright(0.5)
    for i, (name, css, row) in enumerate(rows):
        if is_missing(row["auc"]) or not row["is_assessable"]:
            panel.note(low, i + 0.5, f"not assessable ({row['n_horizons']:.1f} horizons)")
            continue
        shown = between(row["auc"], row["auc_low"], row["auc_high"])
        panel.whisker((row["auc_low"], row["auc_high"]), (i + 0.5, i + 0.5), css)
        panel.dots([row["auc"]], [i + 0.5], css, [f"{name}: {shown}, n {row['n_rows']:,}"], 4.5)
    return figure.svg()
