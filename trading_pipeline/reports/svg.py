"""Static SVG by hand: elements, the figure that stacks panels, and images for markdown."""

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

from trading_pipeline.reports.palette import STYLE

CHARACTER_PX = 6.5
LINE_PX = 17.0


def number(value: float) -> str:
    """Write a pixel with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, content: str = "", tooltip: str = "", **attributes: Any) -> str:
    """Return one SVG element; `css` is its class, underscores in names become dashes.

    `content` is markup; attribute values and the tooltip are escaped here.
    """
    parts = [name]
    for key, value in attributes.items():
        shown = number(value) if isinstance(value, float) else str(value)
        label = "class" if key == "css" else key.replace("_", "-")
        parts.append(f'{label}="{escape(shown)}"')
    inner = (f"<title>{escape(tooltip)}</title>" if tooltip else "") + content
    return f"<{' '.join(parts)}>{inner}</{name}>" if inner else f"<{' '.join(parts)}/>"


def text(x: float, y: float, words: str, anchor: str = "start", css: str = "") -> str:
    """Return a text element whose baseline is at y."""
    extra = {"css": css} if css else {}
    return element("text", escape(words), x=x, y=y, text_anchor=anchor, **extra)


def text_width(words: str) -> float:
    """Return about how wide 12-pixel text is; capitals take more."""
    return len(words) * CHARACTER_PX + 2.2 * sum(map(str.isupper, words))


def wrap(words: str, width: float, character_px: float = CHARACTER_PX) -> list[str]:
    """Cut text into lines that fit a width, at spaces only."""
    lines: list[str] = []
    for word in words.split():
        if lines and (len(lines[-1]) + 1 + len(word)) * character_px <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


class Figure:
    """A picture that grows downwards: title, legend, panels, remarks."""

    def __init__(self, title: str, summary: str, width: int) -> None:
        self.title = title
        self.summary = summary
        self.width = width
        self.parts: list[str] = []
        self.bottom = 6.0
        for line in wrap(title, width - 8, 8.4):
            self.bottom += LINE_PX + 1
            self.add(text(4, self.bottom - 4, line, css="title"))

    def add(self, *markup: str) -> None:
        """Draw markup over what is there."""
        self.parts.extend(markup)

    def legend(self, entries: Sequence[tuple[str, str]], left: float = 4.0) -> None:
        """Add (class, words) swatches under what is there, wrapped to the width."""
        x, self.bottom = left, self.bottom + LINE_PX + 3
        for css, words in entries:
            needed = text_width(words) + 32
            if x > left and x + needed > self.width:
                x, self.bottom = left, self.bottom + LINE_PX
            self.add(element("rect", x=x, y=self.bottom - 10, width=12, height=10, rx=2, css=css))
            for i, line in enumerate(wrap(words, self.width - x - 20)):
                self.bottom += LINE_PX if i else 0.0
                self.add(text(x + 17, self.bottom - 1, line, css="mute"))
            x += needed

    def remark(self, words: str) -> None:
        """Add a quiet line of text under what is there."""
        for line in wrap(words, self.width - 8):
            self.bottom += LINE_PX
            self.add(text(4, self.bottom - 3, line, css="mute"))

    def svg(self) -> str:
        """Return the whole picture: scalable, labelled for screen readers, self-styled."""
        height = round(self.bottom + 6)
        ground = element("rect", width=self.width, height=height, css="bg")
        head = f"<title>{escape(self.title)}</title><desc>{escape(self.summary)}</desc>"
        return element(
            "svg",
            f"{head}<style>{STYLE}</style>{ground}{''.join(self.parts)}",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {self.width} {height}",
            width=self.width,
            height=height,
            preserveAspectRatio="xMidYMid meet",
            role="img",
            aria_label=f"{self.title}. {self.summary}",
            css="tpc",
        )


def nothing_to_show(title: str, reason: str, width: int) -> str:
    """Return a picture that says why there is none."""
    figure = Figure(title, f"Nothing to show: {reason}", width)
    figure.bottom += 14
    figure.remark(f"Nothing to show: {reason}")
    figure.bottom += 14
    return figure.svg()


def as_markdown_image(svg: str, alt: str) -> str:
    """Return a markdown image with the SVG inside, for places that take no markup."""
    encoded = base64.b64encode(svg.encode()).decode()
    label = alt.replace("[", "(").replace("]", ")")
    return f"![{label}](data:image/svg+xml;base64,{encoded})"
