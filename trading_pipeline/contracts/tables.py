"""Records that carry a computed table from an asset to its store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class Markdown(str):
    """Metadata text that the UI renders."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SqlSelect:
    """Rows computed by DuckDB over the whole namespace; parameters are bound."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrameChunks:
    """Rows of a lake table, one frame after another, so that only one stands in memory.

    The frames share their columns; each is asked for when the one before is written.
    """

    frames: "Iterable[pd.DataFrame]"


@dataclass(frozen=True, slots=True)
class TableResult:
    """What one computation gives: the rows, and metadata a person can use.

    They take the place of the table's rows; appended ones come after them, and what was written
    before is never touched. ``on_written`` is called once they are safe.
    """

    rows: "pd.DataFrame | FrameChunks | SqlSelect"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_appended: bool = False
    on_written: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class TableWrite:
    """A result on its way to its table; no result means the table is up to date."""

    result: TableResult | None
    data_version: str
    inputs_version: str
    seconds: float
