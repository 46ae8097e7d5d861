"""What the assets ask of things they must not import: progress display and drawing."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from trading_pipeline.contracts.report import ModelCard, ReportPayload

if TYPE_CHECKING:
    import pandas as pd


class Progress(Protocol):
    """Hears how far a run is. Implementations only display; they never decide."""

    def started(self, asset: str) -> None:
        """An asset begins."""

    def advanced(self, asset: str, done: int, total: int, what: str) -> None:
        """Part ``done`` of ``total`` of an asset is finished."""

    def finished(self, asset: str, seconds: float, n_rows: int, is_reused: bool) -> None:
        """An asset is written, or was found up to date."""

    def warned(self, asset: str, text: str) -> None:
        """Something is wrong that stops nothing; a person should read it."""


class Silent:
    """Progress that nobody watches: Dagster's own log tells the same."""

    def started(self, asset: str) -> None: ...

    def advanced(self, asset: str, done: int, total: int, what: str) -> None: ...

    def finished(self, asset: str, seconds: float, n_rows: int, is_reused: bool) -> None: ...

    def warned(self, asset: str, text: str) -> None: ...


class Renderer(Protocol):
    """Draws plots and the report."""

    def plot(self, name: str, **inputs: Any) -> str:
        """Return the named plot as SVG text."""

    def markdown(self, svg: str, alt: str) -> str:
        """Return Markdown that shows an SVG picture by itself."""

    def fold_blocks(self, folds: "pd.DataFrame", protocol: Mapping[str, object]) -> "pd.DataFrame":
        """Return the spans of every fold: fold, role, first_date, last_date."""

    def report(self, payload: ReportPayload) -> str:
        """Return the self-contained HTML report."""

    def card(self, card: ModelCard) -> str:
        """Return a model card as Markdown."""

    def card_with_versions(
        self, text: str, reality: Sequence[str], versions: Mapping[str, str]
    ) -> str:
        """Return a card with what its data are and the versions of the run that wrote it."""
