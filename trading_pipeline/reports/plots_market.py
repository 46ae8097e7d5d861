"""Pictures of the data: prices and regimes, coverage, what was refused, archive, selloffs."""

from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.reports.palette import REGIME_CLASS, REGIME_ORDER
from trading_pipeline.reports.panel import MAX_POINTS, Panel, bar_rows
from trading_pipeline.reports.scales import count, day_numbers, padded_range, percent, plain, thin
from trading_pipeline.reports.svg import (
    LINE_PX,
    Figure,
    element,
    nothing_to_show,
    text,
    text_width,
)
from trading_pipeline.reports.wording import day, plural, words

WIDE = 960
STRIP_PX = 14.0
MOST_ROWS = 40
LOG_ABOVE = 4.0


def spells(regimes: pd.DataFrame) -> pd.DataFrame:
    """Return runs of equal regime: regime, first_date, last_date, n_sessions, in time order."""
    ordered = regimes.sort_values("session_date")
    run = (ordered["regime"] != ordered["regime"].shift()).cumsum()
    grouped = ordered.groupby(run)
    return pd.DataFrame(
        {
            "regime": grouped["regime"].first(),
            "first_date": grouped["session_date"].first(),
            "last_date": grouped["session_date"].last(),
            "n_sessions": grouped.size(),
        }
    ).reset_index(drop=True)


def plot_price_regimes(
    index_bars: pd.DataFrame,
    regimes: pd.DataFrame | None,
    events: pd.DataFrame | None,
    width: int = WIDE,
) -> str:
    """Draw the index over shaded regimes, a strip that names each spell, and the rare events.

    Args:
        index_bars: session_date, close of the broad index.
        regimes: regimes.market: session_date, regime. None leaves the shading out.
        events: memory.rare_events: event, first_date, last_date, regime. None leaves them out.
        width: Pixels of the picture.
    """
    title = "Index with regimes and rare events"
    bars = index_bars.dropna(subset=["close"]).sort_values("session_date")
    if bars.empty:
        return nothing_to_show(title, "no closes of a broad index", width)
    first, last = bars["session_date"].iloc[0], bars["session_date"].iloc[-1]
    close = bars["close"].to_numpy("float64")
    figure = Figure(
        title, f"Close from {day(first)} to {day(last)}, {len(bars):,} sessions.", width
    )
    has_regimes = regimes is not None and not regimes.empty
    if regimes is not None and has_regimes:
        present = set(regimes["regime"])
        figure.legend([(REGIME_CLASS[r], words(r)) for r in REGIME_ORDER if r in present])
    is_log = close.max() > LOG_ABOVE * close.min() > 0
    span = (close.min() / 1.08, close.max() * 1.08) if is_log else padded_range(close)
    inside = _events_inside(events, first, last)
    left = max(text_width(count(v)) for v in span) + 16
    rows = _place_labels(inside, day_numbers([first, last]), left, width)
    head = (max(rows) + 1) * LINE_PX if rows else 0.0
    figure.bottom += head
    panel = Panel(
        figure,
        300.0,
        (float(day_numbers([first])[0]), float(day_numbers([last])[0]) + 1),
        span,
        x_kind="time",
        y_kind="log" if is_log else "linear",
        y_write=count if span[1] >= 1000 else plain,
        y_title="" if rows else f"index points{', log scale' if is_log else ''}",
        left=left,
    )
    if regimes is not None and has_regimes:
        _shade(panel, spells(regimes))
    marked = [
        _event_marks(panel, event, row)
        for row, event in zip(rows, inside.to_dict("records"), strict=True)
    ]
    # Labels last: a leader never crosses the words of another event.
    figure.add(*(leader for leader, _ in marked), *(label for _, label in marked))
    panel.line(day_numbers(bars["session_date"]), close, "ink", 1.4)
    scale = "log scale" if is_log else "linear scale"
    figure.remark(f"Index points, {scale}. The strip at the foot shows each spell; hover for it.")
    return figure.svg()


def _events_inside(
    events: pd.DataFrame | None, first: pd.Timestamp, last: pd.Timestamp
) -> pd.DataFrame:
    if events is None:
        return pd.DataFrame(columns=["event", "first_date", "last_date", "regime"])
    begins, ends = pd.to_datetime(events["first_date"]), pd.to_datetime(events["last_date"])
    return events[(ends >= first) & (begins <= last)].sort_values("first_date")


def _place_labels(events: pd.DataFrame, edges: np.ndarray, left: float, width: int) -> list[int]:
    """Return a row per event, 0 nearest to the panel, so that no two labels touch."""
    taken: list[float] = []
    rows: list[int] = []
    for event in events.itertuples(index=False):
        middle = float(np.mean(day_numbers([event.first_date, event.last_date])))
        share = (middle - edges[0]) / (edges[1] - edges[0] + 1)
        half = text_width(words(str(event.event))) / 2
        start = left + share * (width - 14 - left) - half
        start = min(max(start, 2.0), width - 2 * half - 2)
        row = next((i for i, end in enumerate(taken) if start > end + 8), len(taken))
        taken[row : row + 1] = [start + 2 * half]
        rows.append(row)
    return rows


def _shade(panel: Panel, runs: pd.DataFrame) -> None:
    begin, end = day_numbers(runs["first_date"]), day_numbers(runs["last_date"]) + 1
    strip = (panel.y.low, _value_at(panel, panel.bottom - STRIP_PX))
    for regime in REGIME_ORDER:
        mine = np.flatnonzero(runs["regime"] == regime)
        if regime != "normal":
            panel.shade([(begin[i], end[i]) for i in mine], REGIME_CLASS[regime])
    for i in np.lexsort((np.arange(len(runs)), -runs["n_sessions"].to_numpy())):
        run = runs.iloc[i]
        tip = (
            f"{words(run['regime'])}: {day(run['first_date'])} to {day(run['last_date'])}, "
            f"{plural(int(run['n_sessions']), 'session')}"
        )
        panel.box((begin[i], end[i]), strip, REGIME_CLASS[run["regime"]], tip)


def _value_at(panel: Panel, pixel: float) -> float:
    """Return the data value drawn at a height."""
    share = (panel.bottom - pixel) / (panel.bottom - panel.top)
    if panel.y.kind == "log":
        return float(panel.y.low * (panel.y.high / panel.y.low) ** share)
    return panel.y.low + share * (panel.y.high - panel.y.low)


def _event_marks(panel: Panel, event: dict[Any, Any], row: int) -> tuple[str, str]:
    """Return the leader with its bracket, and the label, of one rare event."""
    name, css = words(str(event["event"])), REGIME_CLASS[str(event["regime"])]
    first, last = event["first_date"], event["last_date"]
    begin, end = np.clip(panel.x(day_numbers([first, last])), panel.left, panel.right)
    middle, half = float(begin + end) / 2, text_width(name) / 2
    baseline = panel.top - 8 - row * LINE_PX
    css_line = f"k-{css}"
    leader = element(
        "line", x1=middle, x2=middle, y1=baseline + 3, y2=panel.top, css=css_line, stroke_width=1
    )
    tip = f"{name} ({words(str(event['regime']))}): {day(first)} to {day(last)}"
    wide = float(max(end - begin, 3.0))
    bracket = element(
        "rect", "", tip, x=float(begin), y=panel.top - 4, width=wide, height=5, css=css
    )
    place = min(max(middle, half + 2), panel.figure.width - half - 2)
    return leader + bracket, text(place, baseline, name, "middle", "mute halo")


def plot_regime_counts(regimes: pd.DataFrame, width: int = WIDE) -> str:
    """Draw how many sessions each regime has (regimes.market: regime)."""
    title = "Sessions by regime"
    if regimes.empty:
        return nothing_to_show(title, "no session has a regime", width)
    counts = regimes["regime"].value_counts()
    rows = [
        (words(r), float(counts[r]), REGIME_CLASS[r], _share(int(counts[r]), len(regimes)))
        for r in REGIME_ORDER
        if r in counts.index
    ]
    figure = Figure(title, ", ".join(f"{row[0]} {row[3]}" for row in rows), width)
    bar_rows(figure, rows, write=count, x_title="sessions")
    return figure.svg()


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({percent(part / whole)})"


def plot_coverage(
    universe: pd.DataFrame, months: pd.DataFrame | None = None, width: int = WIDE
) -> str:
    """Draw how many symbols have bars over time, and when each of them traded.

    Args:
        universe: bars.universe: symbol, kind, first_date, last_date, n_sessions.
        months: month, n_symbols (counted); None counts the spans of `universe` instead.
        width: Pixels of the picture.
    """
    title = "Symbols with bars"
    if universe.empty:
        return nothing_to_show(title, "no symbol has a bar", width)
    ordered = universe.sort_values(["first_date", "last_date", "symbol"]).reset_index(drop=True)
    begin, end = day_numbers(ordered["first_date"]), day_numbers(ordered["last_date"])
    low, high = float(begin.min()), float(end.max()) + 1
    if months is None or months.empty:
        first, last = (pd.Timestamp(0) + pd.Timedelta(days=d) for d in (low, high))
        dates = pd.date_range(first, last, periods=min(MAX_POINTS, int(high - low) + 1))
        at = day_numbers(dates)
        n_symbols = ((begin[None] <= at[:, None]) & (end[None] >= at[:, None] - 1)).sum(axis=1)
    else:
        ranked = months.sort_values("month")
        at, n_symbols = day_numbers(ranked["month"]), ranked["n_symbols"].to_numpy("float64")
        low, high = min(low, float(at[0])), max(high, float(at[-1]))
    figure = Figure(title, f"{plural(len(universe), 'symbol')} in all.", width)
    keep = thin(len(ordered), MOST_ROWS)
    names = [str(s) for s in ordered["symbol"].iloc[keep]]
    left = max(text_width(s) for s in [*names, count(float(n_symbols.max()))]) + 12
    shape = {"x": (low, high), "x_kind": "time", "left": left}
    top = Panel(figure, 110.0, y=(0, float(n_symbols.max()) * 1.08), y_title="symbols", **shape)  # type: ignore[arg-type]
    top.area(at, n_symbols, 0.0, "s1")
    top.step(at, n_symbols, "s1")
    spans = Panel(
        figure,
        (15.0 if len(keep) <= 25 else 11.0) * len(keep),
        y=(0.0, 1.0),
        rows=names if len(keep) <= 25 else [""] * len(keep),
        y_title="first to last bar",
        **shape,  # type: ignore[arg-type]
    )
    for row, i in enumerate(keep):
        line = ordered.iloc[i]
        tip = f"{line['symbol']}: {day(line['first_date'])} to {day(line['last_date'])}"
        css = "s1" if line.get("kind", "equity") == "equity" else "s7"
        spans.box((begin[i], end[i] + 1), (row + 0.2, row + 0.8), f"{css} soft", tip)
    if len(keep) < len(ordered):
        figure.remark(f"{len(keep)} of {len(ordered):,} symbols drawn, evenly by first bar.")
    return figure.svg()


def plot_quarantine(quarantine: pd.DataFrame, width: int = WIDE) -> str:
    """Draw how many rows each rule refused (bars.quarantine: reason)."""
    title = "Refused or withheld rows, by reason"
    if quarantine.empty:
        return nothing_to_show(title, "no row was refused or withheld", width)
    counts = quarantine.groupby("reason").size().sort_values(ascending=False, kind="stable")
    rows = [(words(str(r)), float(n), "s2", f"{n:,}") for r, n in counts.items()]
    figure = Figure(title, ", ".join(f"{row[0]} {row[3]}" for row in rows), width)
    bar_rows(figure, rows, write=count, x_title="rows")
    return figure.svg()


def plot_archive(archive: pd.DataFrame, width: int = WIDE) -> str:
    """Draw the samples of each rare event (memory.archive: event, event_regime)."""
    title = "Archive samples, by rare event"
    if archive.empty:
        return nothing_to_show(title, "no session of a rare event lies in the data", width)
    counts = archive.groupby(["event", "event_regime"]).size().reset_index(name="n")
    counts = counts.sort_values(["n", "event"], ascending=[False, True])
    rows = [
        (words(str(e)), float(n), REGIME_CLASS[str(r)], f"{n:,}")
        for e, r, n in counts.itertuples(index=False)
    ]
    figure = Figure(title, f"{len(archive):,} samples of {len(rows)} events.", width)
    present = set(counts["event_regime"])
    figure.legend([(REGIME_CLASS[r], words(r)) for r in REGIME_ORDER if r in present])
    bar_rows(figure, rows, write=count, x_title="rows (symbol and session)")
    return figure.svg()


def plot_selloffs(selloffs: pd.DataFrame, width: int = WIDE) -> str:
    """Draw intraday falls by rung and by New York hour (selloffs.events: rung, detected_at)."""
    title = "Selloff events"
    if selloffs.empty:
        return nothing_to_show(title, "no fall reached a rung, or there are no minute bars", width)
    figure = Figure(title, f"{plural(len(selloffs), 'event')}.", width)
    by_rung = selloffs.groupby("rung").size()
    rungs = [
        (f"fall of {percent(float(r))}", float(n), "s1", f"{n:,}")
        for r, n in zip(by_rung.index, by_rung, strict=True)
    ]
    bar_rows(figure, rungs, write=count, x_title="events by depth")
    hour = pd.DatetimeIndex(selloffs["detected_at"]).tz_convert("America/New_York").hour
    by_hour = pd.Series(hour).value_counts().sort_index()
    hours = [(f"{h:02d}:00–{h:02d}:59", float(n), "s5", f"{n:,}") for h, n in by_hour.items()]
    bar_rows(figure, hours, write=count, x_title="events by hour, New York")
    return figure.svg()
