"""One pair of axes inside a figure, and the marks drawn on it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trading_pipeline.reports.scales import (
    Formatter,
    Kind,
    Scale,
    Tick,
    linear_ticks,
    log_ticks,
    plain,
    thin,
    time_ticks,
)
from trading_pipeline.reports.svg import Figure, element, number, text, text_width

MAX_POINTS = 600
ROW_PX = 21.0
SLIMMEST_PX = 1.0


def ticks_of(scale: Scale, n: int, write: Formatter) -> list[Tick]:
    """Return the ticks that suit a scale's kind."""
    if scale.kind == "time":
        return time_ticks(scale, n)
    return log_ticks(scale, n, write) if scale.kind == "log" else linear_ticks(scale, n, write)


class Panel:
    """Axes with gridlines; the marks are methods. Coordinates are data values."""

    def __init__(
        self,
        figure: Figure,
        height: float,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        x_kind: Kind = "linear",
        y_kind: Kind = "linear",
        x_write: Formatter = plain,
        y_write: Formatter = plain,
        x_title: str = "",
        y_title: str = "",
        x_ticks: Sequence[Tick] | None = None,
        rows: Sequence[str] | None = None,
        left: float | None = None,
        inset: float = 0.0,
        right: float = 14.0,
    ) -> None:
        """Reserve the panel under what the figure holds, and draw its axes.

        `rows` names horizontal rows (y runs from 0 at the top to their number); `left` fixes the
        margin, so that panels above each other share an x axis; `inset` is where the margin begins.
        """
        self.figure = figure
        top = figure.bottom + (28.0 if y_title else 10.0)
        bottom = top + height
        if rows is None:
            self.y = Scale(*y, bottom, top, y_kind)
            y_ticks = ticks_of(self.y, max(2, round(height / 55)), y_write)
        else:
            self.y = Scale(0, max(len(rows), 1), top, bottom)
            y_ticks = [Tick(i + 0.5, row) for i, row in enumerate(rows)]
        widest = max((text_width(t.label) for t in y_ticks), default=0.0)
        self.left = left if left is not None else inset + widest + 14
        self.right = figure.width - right
        self.top, self.bottom = top, bottom
        self.x = Scale(*x, self.left, self.right, x_kind)
        room = max(2, int((self.right - self.left) / (74 if x_kind == "time" else 62)))
        shown = ticks_of(self.x, room, x_write) if x_ticks is None else x_ticks
        self._draw_axes(shown, y_ticks, rows is None, x_title)
        if y_title:
            figure.add(text(inset + 4, self.top - 11, y_title, css="mute"))
        figure.bottom = bottom + (20 if shown else 6) + (16 if x_title else 0)

    def _draw_axes(
        self,
        x_ticks: Sequence[Tick],
        y_ticks: Sequence[Tick],
        has_gridlines: bool,
        x_title: str,
    ) -> None:
        add = self.figure.add
        for tick in y_ticks:
            pixel = self.y.at(tick.value)
            if has_gridlines:
                add(self._stroke(self.left, pixel, self.right, pixel, "grid"))
            add(text(self.left - 7, pixel + 4, tick.label, "end", "mute"))
        for tick in x_ticks:
            pixel = self.x.at(tick.value)
            half = text_width(tick.label) / 2
            add(self._stroke(pixel, self.bottom, pixel, self.bottom + 4, "axis"))
            place = min(max(pixel, half + 2), self.figure.width - half - 2)
            add(text(place, self.bottom + 16, tick.label, "middle", "mute"))
        add(self._stroke(self.left, self.bottom, self.right, self.bottom, "axis"))
        if x_title:
            middle = (self.left + self.right) / 2
            add(text(middle, self.bottom + 33, x_title, "middle", "mute"))

    @staticmethod
    def _stroke(x1: float, y1: float, x2: float, y2: float, css: str, width: float = 1.0) -> str:
        return element("line", x1=x1, y1=y1, x2=x2, y2=y2, css=css, stroke_width=width)

    def _points(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        across, up = self.x(x), self.y(y)
        keep = thin(len(across), MAX_POINTS)
        return across[keep], up[keep]

    @staticmethod
    def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
        """Return path data that breaks where a value is missing."""
        parts: list[str] = []
        is_open = False
        for a, b in zip(x, y, strict=True):
            if np.isfinite(a) and np.isfinite(b):
                parts.append(f"{'L' if is_open else 'M'}{number(a)} {number(b)}")
                is_open = True
            else:
                is_open = False
        return "".join(parts)

    def line(
        self, x: ArrayLike, y: ArrayLike, css: str, width: float = 1.6, is_dashed: bool = False
    ) -> None:
        """Draw a line of at most 600 points; it breaks where a value is missing."""
        path = self._path(*self._points(x, y))
        style = f"line k-{css}{' dash' if is_dashed else ''}"
        self.figure.add(element("path", d=path, css=style, stroke_width=width))

    def step(self, x: ArrayLike, y: ArrayLike, css: str, width: float = 1.8) -> None:
        """Draw a line that holds each value until the next."""
        across, up = self._points(x, y)
        path = self._path(np.repeat(across, 2)[1:], np.repeat(up, 2)[:-1])
        self.figure.add(element("path", d=path, css=f"line k-{css}", stroke_width=width))

    def area(self, x: ArrayLike, y: ArrayLike, base: float, css: str) -> None:
        """Fill between a line without gaps and a base value."""
        across, up = self._points(x, y)
        seen = np.isfinite(across) & np.isfinite(up)
        if not seen.any():
            return
        across, up = across[seen], up[seen]
        foot = number(self.y.at(base))
        path = f"M{number(across[0])} {foot}"
        path += self._path(across, up).replace("M", "L", 1)
        path += f"L{number(across[-1])} {foot}Z"
        self.figure.add(element("path", d=path, css=f"{css} area"))

    def dots(
        self,
        x: ArrayLike,
        y: ArrayLike,
        css: str,
        tooltips: Sequence[str] | None = None,
        radius: float = 3.0,
    ) -> None:
        """Draw at most 600 points, each with its tooltip."""
        across, up = self.x(x), self.y(y)
        for i in thin(len(across), MAX_POINTS):
            if np.isfinite(across[i]) and np.isfinite(up[i]):
                tip = tooltips[i] if tooltips is not None else ""
                place = (float(across[i]), float(up[i]))
                dot = element("circle", "", tip, cx=place[0], cy=place[1], r=radius, css=css)
                self.figure.add(dot)

    def whisker(self, x: tuple[float, float], y: tuple[float, float], css: str) -> None:
        """Draw an interval; nothing where an end is missing."""
        (x1, x2), (y1, y2) = self.x(x), self.y(y)
        if np.isfinite([x1, x2, y1, y2]).all():
            self.figure.add(self._stroke(x1, y1, x2, y2, f"k-{css}", 2.0))

    def box(
        self, x: tuple[float, float], y: tuple[float, float], css: str, tooltip: str = ""
    ) -> None:
        """Fill a rectangle, cut at the axes and never slimmer than a pixel."""
        left, right = np.clip(np.sort(self.x(x)), self.left, self.right)
        top, bottom = np.clip(np.sort(self.y(y)), self.top, self.bottom)
        width, height = max(right - left, SLIMMEST_PX), max(bottom - top, SLIMMEST_PX)
        self.figure.add(
            element(
                "rect",
                "",
                tooltip,
                x=float(left),
                y=float(top),
                width=float(width),
                height=float(height),
                css=css,
            )
        )

    def shade(self, spans: Sequence[tuple[float, float]], css: str) -> None:
        """Tint the panel's full height over spans of x, in one element."""
        path = ""
        for first, last in spans:
            left, right = np.clip(self.x((first, last)), self.left, self.right)
            width = number(max(right - left, SLIMMEST_PX))
            path += f"M{number(left)} {number(self.top)}h{width}V{number(self.bottom)}h-{width}z"
        if path:
            self.figure.add(element("path", d=path, css=f"{css} shade"))

    def level(self, y: float, css: str = "ref") -> None:
        """Draw a reference line across the panel."""
        pixel = self.y.at(y)
        self.figure.add(self._stroke(self.left, pixel, self.right, pixel, css))

    def upright(self, x: float, css: str = "ref") -> None:
        """Draw a reference line from top to bottom."""
        pixel = self.x.at(x)
        self.figure.add(self._stroke(pixel, self.top, pixel, self.bottom, css))

    def note(self, x: float, y: float, words: str, anchor: str = "start", dx: float = 5.0) -> None:
        """Write words beside a point, kept inside the figure."""
        pixel, needed = self.x.at(x) + dx, text_width(words)
        if anchor == "start":
            pixel = min(pixel, self.figure.width - needed - 2)
        self.figure.add(text(pixel, self.y.at(y) + 4, words, anchor, "mute halo"))


def bar_rows(
    figure: Figure,
    rows: Sequence[tuple[str, float, str, str]],
    *,
    write: Formatter = plain,
    x_title: str = "",
    high: float | None = None,
) -> Panel:
    """Draw (name, value, class, words) as horizontal bars from zero, the words at their ends."""
    values = np.array([row[1] for row in rows], dtype="float64")
    top = high if high is not None else max(float(np.nanmax(values, initial=0.0)), 1e-9)
    room = max((text_width(row[3]) for row in rows), default=0.0) + 14
    panel = Panel(
        figure,
        ROW_PX * len(rows),
        (0.0, top),
        (0.0, 1.0),
        rows=[row[0] for row in rows],
        x_write=write,
        x_title=x_title,
        right=room,
    )
    for i, (name, value, css, words) in enumerate(rows):
        if np.isfinite(value):
            panel.box((0.0, value), (i + 0.16, i + 0.84), css, f"{name}: {words}")
        panel.note(value if np.isfinite(value) else 0.0, i + 0.5, words)
    return panel
