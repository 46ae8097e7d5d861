"""Frames as tables of words: headers, cells, and which columns are numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from trading_pipeline.reports.wording import day, is_missing, quantity, whole, words

Row = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """What a cell says and the class that colours it."""

    text: str
    css: str = ""


@dataclass(frozen=True)
class Table:
    """A titled table; `numeric` holds the positions of right-aligned columns."""

    title: str
    headers: tuple[str, ...]
    rows: list[list[Cell]]
    numeric: frozenset[int] = field(default_factory=frozenset)
    remark: str = ""


def table_of(
    title: str,
    frame: pd.DataFrame,
    columns: Sequence[tuple[str, Callable[[Row], str | Cell], bool]],
    remark: str = "",
) -> Table:
    """Return a table with one row per row of the frame; columns are (header, writer, is_number)."""
    cells = []
    for row in frame.to_dict("records"):
        written = [write({str(k): v for k, v in row.items()}) for _, write, _ in columns]
        cells.append([c if isinstance(c, Cell) else Cell(c) for c in written])
    numeric = frozenset(i for i, column in enumerate(columns) if column[2])
    return Table(title, tuple(header for header, _, _ in columns), cells, numeric, remark)


def counted(name: str) -> Callable[[Row], str]:
    return lambda row: whole(row[name])


def worded(name: str) -> Callable[[Row], str]:
    return lambda row: words(str(row[name]))


def dated(name: str) -> Callable[[Row], str]:
    return lambda row: day(row[name])


def valued(name: str) -> Callable[[Row], str]:
    return lambda row: quantity(row[name], name)


def as_is(name: str) -> Callable[[Row], str]:
    return lambda row: "–" if is_missing(row[name]) else str(row[name])
