"""Pictures of falls: their minutes, what was said of them, and what trading them was worth."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.reports.intervals import reliability
from trading_pipeline.reports.panel import ROW_PX, Panel, bar_rows
from trading_pipeline.reports.scales import Tick, count, padded_range, percent
from trading_pipeline.reports.svg import Figure, element, nothing_to_show, text
from trading_pipeline.reports.wording import between, day, is_missing, minus_signs, plural, words

WIDE = 960
SPANS = (("oof", "out of fold"), ("holdout", "hold-out"))
# Scanner: class, name.
SCANNERS = {
    "take_all": ("s7", "taking all"),
    "trivial": ("s5", "trivial score"),
    "model": ("s1", "model's selection"),
    "model_tiered": ("s3", "model, sized by tier"),
}
# A cell of so few trades shows its number and no colour.
FEWEST_PER_CELL = 10
FEWEST_PER_LABEL = 20
N_BINS = 8
BLOCK_SESSIONS = 5
NO_SCORES = "no model has scored a fall out of sample"


def in_r(value: object, digits: int = 2) -> str:
    """Write a multiple of the risk unit: +0.12 R; a missing one as a dash."""
    if is_missing(value):
        return "–"
    return minus_signs(f"{float(value):+.{digits}f} R")  # type: ignore[arg-type]


def _signed(value: float) -> str:
    return minus_signs(f"{value:g}")


def plot_selloff_gallery(falls: pd.DataFrame, minutes: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the session of each fall, minute by minute, with its trade.

    Args:
        falls: From `domain.selloffs.gallery.best_and_worst`.
        minutes: Regular minutes of their sessions: symbol, session_date, opens_at, closes_at,
            close in USD. A session without any is named and not drawn.
        width: Pixels of the picture.
    """
    title = "Best and worst trades, minute by minute"
    if falls.empty:
        return nothing_to_show(title, "no fall has been traded to its end", width)
    figure = Figure(title, f"{plural(len(falls), 'trade')}; New York time, prices in USD.", width)
    figure.legend(
        [
            ("s1", "close of each minute"),
            ("mute", "open of the session"),
            ("s2", "fall detected"),
            ("ink", "entry to exit"),
            ("good", "target"),
            ("bad", "stop"),
        ]
    )
    columns = max(1, min(3, width // 300))
    cell, top, drawn, absent = width / columns, figure.bottom, 0, []
    paths = dict(iter(minutes.groupby(["symbol", "session_date"])))
    for fall in falls.to_dict("records"):
        path = paths.get((fall["symbol"], fall["session_date"]))
        if path is None:
            absent.append(f"{fall['symbol']} {day(fall['session_date'])}")
            continue
        if drawn % columns == 0:
            top = figure.bottom
        figure.bottom = top
        inset = (drawn % columns) * cell
        _draw_fall(figure, {str(k): v for k, v in fall.items()}, path, inset, cell)
        drawn += 1
    if absent:
        figure.remark(f"No minute bars are kept of {', '.join(absent)}.")
    return figure.svg()


def _hours(instants: Sequence[pd.Timestamp] | pd.Series) -> np.ndarray:
    """Return New York hours of the day, with fractions; missing stays missing."""
    local = pd.DatetimeIndex(pd.to_datetime(instants, utc=True)).tz_convert("America/New_York")
    return np.asarray(local.hour + local.minute / 60, dtype="float64")


def _draw_fall(
    figure: Figure, fall: dict[str, object], path: pd.DataFrame, inset: float, cell: float
) -> None:
    ordered = path.sort_values("opens_at")
    at, close = _hours(ordered["closes_at"]), ordered["close"].to_numpy("float64")
    opened, low, entry, stop, target, left_at = (
        float(fall[name])  # type: ignore[arg-type]
        for name in (
            "session_open", "low", "entry_price", "stop_price", "target_price", "exit_price",
        )
    )  # fmt: skip
    found, begun, ended = _hours([fall[n] for n in ("detected_at", "entry_at", "exit_at")])  # type: ignore[misc]
    span = (min(float(at[0]), 9.5), max(float(at[-1]), 16.0))
    depth = percent(float(fall["rung"]))  # type: ignore[arg-type]
    title = (
        f"{fall['kind']}: {fall['symbol']} {day(fall['session_date'])} · {depth}"
        f" · {in_r(fall['r_multiple'])}, {fall['exit_reason']}"
    )
    panel = Panel(
        figure,
        150.0,
        span,
        padded_range(close, [opened, low, entry, stop, target, left_at]),
        x_ticks=[Tick(float(h), f"{h}:00") for h in (10, 12, 14, 16)],
        y_title=title,
        inset=inset,
        right=figure.width - inset - cell + 12.0,
    )
    panel.level(opened)
    panel.line([begun, ended], [target, target], "good", 2.0, is_dashed=True)
    panel.line([begun, ended], [stop, stop], "bad", 2.0, is_dashed=True)
    panel.line(at, close, "s1", 1.3)
    panel.line([begun, ended], [entry, left_at], "ink", 1.4)
    panel.dots([found], [low], "s2", [f"fall detected: low {low:,.2f}"], 4.0)
    tips = [f"entry {entry:,.2f}", f"exit by {fall['exit_reason']} {left_at:,.2f}"]
    panel.dots([begun, ended], [entry, left_at], "ink", tips, 3.5)


def plot_selloff_reliability(scores: pd.DataFrame, width: int = WIDE) -> str:
    """Draw predicted against observed reversals out of sample, and how often each was said.

    `scores` is selloffs.scores. Bins hold about equal counts; whiskers are errors clustered by
    blocks of five sessions. A span with under 20 falls of a label is named, not drawn.
    """
    title = "Reliability of the probability of reversal"
    groups = []
    rest = []
    for span, css in zip(SPANS, ("s7", "s1"), strict=True):
        part = scores[scores["is_holdout"].astype(bool) == (span[0] == "holdout")]
        counts = part["label"].value_counts()
        if len(counts) == 2 and int(counts.min()) >= FEWEST_PER_LABEL:
            groups.append((css, span[1], part.sort_values(["session", "symbol", "rung"])))
        elif len(part):
            rest.append(f"{span[1]} ({len(part):,} falls)")
    if not groups:
        reason = f"too few falls of both labels: {', '.join(rest)}" if rest else NO_SCORES
        return nothing_to_show(title, reason, width)
    n_rows = sum(len(part) for _, _, part in groups)
    figure = Figure(title, f"{plural(n_rows, 'fall')} out of sample.", width)
    figure.legend([(css, f"{name}: {len(part):,} falls") for css, name, part in groups])
    curves = [
        (
            css,
            name,
            reliability(
                part["probability"].to_numpy("float64"),
                part["label"].to_numpy("int64"),
                part["session"].to_numpy("int64"),
                N_BINS,
                BLOCK_SESSIONS,
            ),
        )
        for css, name, part in groups
    ]
    low, high = padded_range(*[c[["predicted", "observed", "low", "high"]] for _, _, c in curves])
    span_y = (max(low, 0.0), min(high, 1.0))
    said = np.concatenate([part["probability"].to_numpy("float64") for _, _, part in groups])
    low, high = padded_range(said)
    span_x = (max(low, 0.0), min(high, 1.0))
    panel = Panel(
        figure, 220.0, span_x, span_y, x_write=percent, y_write=percent, left=58.0,
        y_title="share that reversed",
    )  # fmt: skip
    ends = (max(span_x[0], span_y[0]), min(span_x[1], span_y[1]))
    panel.line(ends, ends, "s7", 1.0, is_dashed=True)
    for css, name, curve in curves:
        tips = []
        for row in curve.to_dict("records"):
            at = float(row["predicted"])
            panel.whisker((at, at), (row["low"], row["high"]), css)
            seen = between(row["observed"], row["low"], row["high"])
            tips.append(f"{name}: said {at:.3f}, reversed {seen}, n {row['n_rows']:,}")
        panel.line(curve["predicted"], curve["observed"], css, 1.2)
        panel.dots(curve["predicted"], curve["observed"], css, tips, 4.0)
    edges = np.linspace(*span_x, 25)
    heights = [
        (css, np.histogram(part["probability"], bins=edges)[0].astype("float64"))
        for css, _, part in groups
    ]
    most = max(float(h.max()) for _, h in heights)
    foot = Panel(
        figure, 70.0, span_x, (0.0, most * 1.05), x_write=percent, y_write=count, left=58.0,
        y_title="falls", x_title="probability of reversal that was said",
    )  # fmt: skip
    for css, height in heights:
        foot.step(edges, np.append(height, height[-1]), css)
    if rest:
        figure.remark(f"Not assessable, too few falls: {', '.join(rest)}.")
    return figure.svg()


def plot_selloff_equity(equity: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the summed net multiples of every scanner, the hold-out tinted (selloffs.equity)."""
    title = "Scanners without and with the model, net of costs"
    if equity.empty:
        return nothing_to_show(title, NO_SCORES, width)
    names = [name for name in SCANNERS if name in set(equity["scanner"])]
    held = equity[equity["span"] == "holdout"]
    figure = Figure(
        title, f"{plural(equity['session_date'].nunique(), 'session')} with falls.", width
    )
    entries = []
    for name in names:
        mine = held[held["scanner"] == name]
        end = f"{in_r(mine['r_net'].sum(), 1)} in {int(mine['n_trades'].sum()):,} trades"
        entries.append((SCANNERS[name][0], f"{SCANNERS[name][1]}: {end}" if len(mine) else name))
    figure.legend(entries)
    # Sessions with falls stand side by side: years without minute bars take no room.
    sessions = pd.DatetimeIndex(np.sort(equity["session_date"].unique()))
    n_ticks = min(len(sessions), max(2, width // 160))
    shown = np.unique(np.linspace(0, len(sessions) - 1, n_ticks).round().astype(int))
    panel = Panel(
        figure,
        230.0,
        (-1.0, float(len(sessions))),
        padded_range(equity["equity_r"], include=(0.0,)),
        x_ticks=[Tick(float(i), day(sessions[i])) for i in shown],
        x_title="sessions with falls",
        y_write=_signed,
        y_title="sum of R, from each span's start",
        left=58.0,
    )
    if len(held):
        begin = float(sessions.searchsorted(held["session_date"].min())) - 0.5
        panel.shade([(begin, float(len(sessions)))], "f-holdout")
        panel.upright(begin)
    panel.level(0.0)
    for span, _ in SPANS:
        for name in names:
            mine = equity[(equity["span"] == span) & (equity["scanner"] == name)]
            mine = mine.sort_values("session_date")
            css = SCANNERS[name][0]
            panel.line(
                sessions.searchsorted(mine["session_date"]), mine["equity_r"], css,
                2.2 if name == "model" else 1.4,
            )  # fmt: skip
    figure.remark(
        "The legend tells the hold-out, tinted; its sums start at zero. The trivial score takes as "
        "many falls as the model."
    )
    return figure.svg()


def plot_selloff_hours(offered: pd.DataFrame, width: int = WIDE) -> str:
    """Draw mean net R and n of every hour and rung, of all falls and of the model's selection.

    `offered` is from `domain.selloffs.backtest.offered_falls`: rung, hour, r_multiple, model.
    Each depth is drawn as if it alone were traded.
    """
    title = "Net R by hour and depth, out of sample"
    if offered.empty:
        return nothing_to_show(title, NO_SCORES, width)
    figure = Figure(title, f"{plural(len(offered), 'fall')}; hours of New York.", width)
    figure.legend([("s1", "earned"), ("s2", "lost")])
    rungs = sorted(offered["rung"].unique())
    hours = sorted(offered["hour"].unique())
    ordered = offered.sort_values(["session_date", "symbol", "rung"])
    groups = (("every fall", ordered), ("the model's selection", ordered[ordered["model"] > 0]))
    side_by_side = width >= 2 * 420
    cell_width = width / 2 if side_by_side else float(width)
    top, lowest = figure.bottom, figure.bottom
    for i, (name, part) in enumerate(groups):
        left = i * cell_width if side_by_side else 0.0
        start = top if side_by_side else lowest
        lowest = max(lowest, _draw_heat(figure, name, part, rungs, hours, left, cell_width, start))
    figure.bottom = lowest + 4
    figure.remark(
        f"Mean net R of one trade, and n; each depth as if it alone were traded. Under"
        f" {FEWEST_PER_CELL} trades a cell has no colour; single cells prove nothing."
    )
    return figure.svg()


def _draw_heat(
    figure: Figure,
    name: str,
    part: pd.DataFrame,
    rungs: list[float],
    hours: list[int],
    inset: float,
    room: float,
    start: float,
) -> float:
    """Draw one heat map; returns where it ends."""
    row_px, left, top = 36.0, inset + 52.0, start + 46.0
    cell = (room - 52.0 - 10.0) / len(rungs)
    figure.add(text(inset + 4, start + 22, f"{name}: {len(part):,}", css="mute"))
    for i, rung in enumerate(rungs):
        figure.add(text(left + (i + 0.5) * cell, top - 7, percent(rung), "middle", "mute"))
    cells = dict(iter(part.groupby(["hour", "rung"])["r_multiple"]))
    for j, hour in enumerate(hours):
        y = top + j * row_px
        figure.add(text(left - 8, y + 22, f"{hour}:00", "end", "mute"))
        for i, rung in enumerate(rungs):
            if (hour, rung) not in cells:
                continue
            mean, n = float(cells[hour, rung].mean()), len(cells[hour, rung])
            strength = min(abs(mean), 1.0) * 0.6 + 0.08
            css = "s1" if mean >= 0 else "s2"
            is_few = n < FEWEST_PER_CELL
            figure.add(
                element(
                    "rect",
                    "",
                    f"{name}, {hour}:00, {percent(rung)}: {in_r(mean)}, n {n:,}",
                    x=left + i * cell + 1,
                    y=y + 1,
                    width=cell - 2,
                    height=row_px - 2,
                    rx=3,
                    css="h-0" if is_few else css,
                    fill_opacity="0.35" if is_few else f"{strength:.2f}",
                ),
                text(
                    left + (i + 0.5) * cell, y + 16, in_r(mean), "middle", "mute" if is_few else ""
                ),
                text(left + (i + 0.5) * cell, y + 30, f"n {n:,}", "middle", "mute"),
            )
    return top + row_px * len(hours)


def plot_selloff_scanners(backtest: pd.DataFrame, width: int = WIDE) -> str:
    """Draw expectancy and its interval of each scanner, both spans (selloffs.backtest)."""
    title = "Expectancy of each scanner, net of costs"
    whole = backtest[backtest["slice_kind"] == "all"]
    if whole.empty:
        return nothing_to_show(title, NO_SCORES, width)
    rows = [
        (f"{SCANNERS[name][1]}, {said}", SCANNERS[name][0], found.iloc[0].to_dict())
        for span, said in reversed(SPANS)
        for name in SCANNERS
        if len(found := whole[(whole["scanner"] == name) & (whole["span"] == span)])
    ]
    ends = [[r["expectancy_r"], r["expectancy_low"], r["expectancy_high"]] for _, _, r in rows]
    figure = Figure(title, "Dots are the mean R of a trade, whiskers its interval.", width)
    panel = Panel(
        figure,
        (ROW_PX + 3) * len(rows),
        padded_range(ends, include=(0.0,)),
        (0, 1),
        rows=[name for name, _, _ in rows],
        x_write=_signed,
        x_title="R a trade",
    )
    panel.upright(0.0)
    for i, (name, css, row) in enumerate(rows):
        if is_missing(row["expectancy_r"]):
            panel.note(panel.x.low, i + 0.5, "took nothing")
            continue
        shown = between(row["expectancy_r"], row["expectancy_low"], row["expectancy_high"])
        tip = f"{name}: {shown} R, {row['n_trades']:,} trades"
        panel.whisker((row["expectancy_low"], row["expectancy_high"]), (i + 0.5, i + 0.5), css)
        panel.dots([row["expectancy_r"]], [i + 0.5], css, [tip], 4.5)
    return figure.svg()


def plot_selloff_features(features: pd.DataFrame, width: int = WIDE) -> str:
    """Draw which features are missing and how often (selloffs.features)."""
    title = "Features of falls that are missing"
    if features.empty:
        return nothing_to_show(title, "no fall reached a rung, or there are no minute bars", width)
    absent = features.isna().mean()
    absent = absent[absent > 0].sort_values(ascending=False, kind="stable")
    if absent.empty:
        return nothing_to_show(title, f"all are known for all {len(features):,} falls", width)
    figure = Figure(title, f"{plural(len(features), 'fall')}.", width)
    rows = [
        (words(str(name)), float(share), "s5", percent(float(share)))
        for name, share in absent.items()
    ]
    bar_rows(figure, rows, write=percent, x_title="share of falls", high=1.0)
    return figure.svg()
