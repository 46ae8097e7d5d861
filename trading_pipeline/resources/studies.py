"""Studies as the assets see them: where an unfinished search keeps its trials."""

from collections.abc import Callable
from pathlib import Path

from trading_pipeline.adapters.studies import Studies
from trading_pipeline.contracts.config import PipelineConfig


class StudyAccess:
    """The way to the studies. It asks for the server's address when it is needed."""

    def __init__(self, server: Callable[[], str]) -> None:
        self._server = server

    def of(self, home: Path, asset: str, config: PipelineConfig) -> Studies:
        """Return the studies of an asset."""
        return Studies(home, asset, config.sweeps, self._server)
