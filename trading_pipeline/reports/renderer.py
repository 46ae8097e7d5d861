"""The plots and the report behind one name each, for callers that must not import them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from trading_pipeline.contracts.report import ModelCard, ReportPayload
from trading_pipeline.reports import plots
from trading_pipeline.reports.folds import fold_blocks
from trading_pipeline.reports.model_card import render_card, with_versions
from trading_pipeline.reports.report import render_report
from trading_pipeline.reports.svg import as_markdown_image


class ReportRenderer:
    """Draws by name; see `contracts.ports.Renderer`."""

    def plot(self, name: str, **inputs: Any) -> str:
        """Return `plot_<name>` of the stage's frames as SVG text."""
        if name == "folds":
            inputs = {"blocks": fold_blocks(inputs["folds"], inputs["protocol"])}
        svg: str = getattr(plots, f"plot_{name}")(**inputs)
        return svg

    def markdown(self, svg: str, alt: str) -> str:
        """Return Markdown with the picture inside."""
        return as_markdown_image(svg, alt)

    def fold_blocks(self, folds: pd.DataFrame, protocol: Mapping[str, object]) -> pd.DataFrame:
        """Return the spans of every fold that the report draws."""
        return fold_blocks(folds, protocol)

    def report(self, payload: ReportPayload) -> str:
        """Return the report as one HTML text."""
        return render_report(payload)

    def card(self, card: ModelCard) -> str:
        """Return a model card as Markdown."""
        return render_card(card)

    def card_with_versions(
        self, text: str, reality: Sequence[str], versions: Mapping[str, str]
    ) -> str:
        """Return a card with what its data are and the versions of the run that wrote it."""
        return with_versions(text, reality, versions)
