"""What a person sees of a scan: a live screen that can stay open, or plain lines."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from trading_pipeline.automation.scan_loop import ScanState
from trading_pipeline.contracts.errors import InputError

NEW_YORK = "America/New_York"
N_ROWS = 15
N_NOTICES = 3
CAPTURE_WIDTH = 100
_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


class PlainView:
    """One line for each alert and each change; for pipes, logs and `--plain`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._said = ("", "", "")

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, state: ScanState, new: pd.DataFrame) -> None:
        """Print the rows that came, and what is wrong once as it begins and once as it ends."""
        for row in new.to_dict("records"):
            self.say(_row_words(row))
        said = (stale_words(state), state.problem, state.model_fault)
        if said != self._said:
            for before, now in zip(self._said, said, strict=True):
                if now and now != before:
                    self.say(f"{_clock(state.now)} {now}")
                elif before and not now:
                    self.say(f"{_clock(state.now)} over: {before}")
            self._said = said


class LiveView:
    """A screen that is drawn anew in place as bars come; it never scrolls."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(
            console=console, auto_refresh=False, transient=False, vertical_overflow="crop"
        )
        self._drawn_at: object = None

    def __enter__(self) -> "LiveView":
        self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.live.stop()

    def show(self, state: ScanState, new: pd.DataFrame) -> None:
        """Draw the state where a second has passed, a row has come, or all is over."""
        drawn = (state.now.floor("s"), state.problem, state.is_over)
        if drawn != self._drawn_at or len(new):
            self._drawn_at = drawn
            self.live.update(screen(state, self.console.height), refresh=True)


def screen(state: ScanState, height: int = 40) -> RenderableType:
    """Return the whole screen; it fits 80 columns and the given height."""
    footer = _footer(state)
    # Frames, headings and the lines around the table take eleven.
    room = max(3, min(N_ROWS, height - 11 - len(footer)))
    return Group(
        Panel(_header(state), box=box.ROUNDED, title="selloff scan", title_align="left"),
        _falls(state, room),
        Panel(Group(*footer), box=box.ROUNDED),
    )


def capture(state: ScanState, path: Path) -> None:
    """Write the screen as an SVG picture. Raises InputError where the file cannot be written."""
    console = Console(record=True, width=CAPTURE_WIDTH, file=StringIO(), force_terminal=True)
    console.print(screen(state))
    # The picture asks no network for a font.
    picture = _FONT_FACES.sub("", console.export_svg(title="trading-pipeline scan"))
    try:
        path.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--capture {path} cannot be written: {error.strerror}") from None


def stale_words(state: ScanState) -> str:
    """Return what the view says of stale data; empty while they are fresh."""
    if state.stale_since is None or state.is_over:
        return ""
    return f"data stale since {_clock(state.stale_since)}, withholding"


def reason_counts(alerts: pd.DataFrame) -> dict[str, int]:
    """Return how many rows each reason withheld, by its first words; several may hold for one."""
    reasons = alerts["reason"][alerts["status"] == "withheld"] if len(alerts) else ()
    words = [part.partition(":")[0].strip() for text in reasons for part in str(text).split(";")]
    return dict(sorted(Counter(words).items()))


def _header(state: ScanState) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(3):
        table.add_column(no_wrap=True, overflow="ellipsis")
    hours = state.session
    age = "no bar yet"
    if state.newest_close is not None:
        age = _duration(max(0.0, (state.now - state.newest_close).total_seconds()))
    if state.now < hours.opens_at:
        where = f"opens in {_duration((hours.opens_at - state.now).total_seconds())}"
    elif state.is_over:
        where = "over"
    elif state.now >= hours.closes_at:
        where = "closed"
    else:
        where = f"closes in {_duration((hours.closes_at - state.now).total_seconds())}"
    table.add_row(
        f"session [bold]{hours.session_date:%Y-%m-%d}[/]",
        f"[bold]{_clock(state.now)}[/] New York",
        where,
    )
    table.add_row(f"mode {state.mode}", f"data age {age}", f"{state.n_symbols} symbols watched")
    parts: list[RenderableType] = [
        table,
        Text(f"model {state.model_words}"),
    ]
    if state.model_fault:
        parts.append(Text(state.model_fault, style="bold red"))
    if stale := stale_words(state):
        parts.append(Text(stale, style="bold red"))
    if state.problem:
        parts.append(Text(state.problem, style="yellow", overflow="ellipsis", no_wrap=True))
    return Group(*parts)


def _falls(state: ScanState, room: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, padding=(0, 1, 0, 0), pad_edge=False)
    for name, justify in (
        ("#", "right"),
        ("symbol", "left"),
        ("rung", "right"),
        ("time", "left"),
        ("fall", "right"),
        ("prob", "right"),
        ("exp R", "right"),
        ("tier", "right"),
        ("stop", "right"),
        ("target", "right"),
        ("shares", "right"),
        ("status", "left"),
    ):
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    shown = ranked(state.alerts).head(room)
    for place, row in enumerate(shown.to_dict("records"), start=1):
        is_alert = row["status"] == "alert"
        style = "dim" if not is_alert else "bold green" if row["shares"] > 0 else ""
        status = "alert" if is_alert else str(row["reason"]).partition(":")[0]
        table.add_row(
            str(place),
            str(row["symbol"]),
            f"{row['rung']:.0%}",
            _clock(row["detected_at"]),
            f"{row['drop_frac']:.1%}",
            _number(row["probability"], ".2f"),
            _number(row["expected_r"], "+.2f"),
            f"{row['risk_tier']:g}",
            f"{row['stop_price']:.2f}",
            f"{row['target_price']:.2f}",
            f"{row['shares']:.0f}",
            status,
            style=style,
        )
    if shown.empty:
        table.add_row("", "no fall yet", *[""] * 10)
    return table


def ranked(alerts: pd.DataFrame) -> pd.DataFrame:
    """Return the session's rows as the screen ranks them: alerts by expected R, else by fall."""
    if alerts.empty:
        return alerts
    keyed = alerts.assign(
        is_withheld=alerts["status"] != "alert", worst=-alerts["expected_r"].astype("float64")
    )
    order = ["is_withheld", "worst", "drop_frac", "detected_at", "symbol", "rung"]
    return keyed.sort_values(order, na_position="last", ignore_index=True)


def _footer(state: ScanState) -> list[Text]:
    alerts = state.alerts
    n_withheld = int((alerts["status"] == "withheld").sum()) if len(alerts) else 0
    n_signals = len(alerts) - n_withheld
    n_risked = int(((alerts["status"] == "alert") & (alerts["risk_tier"] > 0)).sum())
    lines = [
        f"{len(alerts)} falls: {n_signals} alerts, {n_risked} of them with risk;"
        f" {n_withheld} withheld"
        + (f"; {state.n_before} told before this start" if state.n_before else "")
        + (f"; {state.n_late_bars} late bars" if state.n_late_bars else "")
    ]
    if counts := reason_counts(alerts):
        lines.append("withheld: " + ", ".join(f"{name} {n}" for name, n in counts.items()))
    lines += [f"told {text}" for text in list(state.notices)[-N_NOTICES:]]
    lines += state.book
    return [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]


def _row_words(row: Mapping[Any, Any]) -> str:
    detected = row["detected_at"]
    return (
        f"{_clock(detected)} {row['status']:<8} {row['symbol']:<6} rung {row['rung']:.0%}"
        f" fall {row['drop_frac']:.2%} probability {_number(row['probability'], '.2f')}"
        f" expected R {_number(row['expected_r'], '+.2f')} tier {row['risk_tier']:g}"
        f" stop {row['stop_price']:.2f} target {row['target_price']:.2f}"
        f" shares {row['shares']:.0f}" + (f" ({row['reason']})" if row["reason"] else "")
    )


def _number(value: object, form: str) -> str:
    return "–" if value is None or pd.isna(value) else format(float(str(value)), form)  # type: ignore[call-overload]


def _clock(at: pd.Timestamp) -> str:
    return f"{pd.Timestamp(at).tz_convert(NEW_YORK):%H:%M}"


def _duration(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {left:02d} s" if minutes else f"{left} s"
