"""Fetching as the assets see it: one call that brings the raw answers up to date."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd

from trading_pipeline.adapters.vendors.backfill import Progress
from trading_pipeline.adapters.vendors.ingest import VENDOR_KINDS, Ingest, Ingested
from trading_pipeline.adapters.vendors.raw_store import RawStore, ledger_frame
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.vendors import Dataset

Report = Callable[[int, int, str], None]


class VendorAccess:
    """The way to the vendors. It asks for the keys when they are needed, and never keeps them."""

    def __init__(self, keys: Callable[[], Mapping[str, str]]) -> None:
        self._keys = keys

    def fetch(
        self,
        home: Path,
        config: PipelineConfig,
        report: Report,
        months: tuple[date, date] | None = None,
    ) -> Ingested:
        """Fetch what the settings want and the ledger lacks; see `Ingest.fetch`."""
        ingest = self.ingest(home, config)
        return ingest.fetch(
            datetime.now(UTC),
            lambda vendor, state: report(state.done, state.total, words_of(vendor, state)),
            months,
        )

    def market_path(self, home: Path, config: PipelineConfig) -> Path:
        """Return the market folder of the raw answers, brought up to date offline."""
        return self.ingest(home, config).market().build()

    def deliveries(self, home: Path, config: PipelineConfig, dataset: Dataset) -> pd.DataFrame:
        """Return every word of the bars that came more than once, with `ingested_at`."""
        parts = list(self.ingest(home, config).market().deliveries(dataset))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    def ingest(self, home: Path, config: PipelineConfig) -> Ingest:
        """Return the ingest of a home. Raises InputError for an incomplete source."""
        return Ingest(home, config.source, config.vendors, self._keys())


def is_vendor(config: PipelineConfig) -> bool:
    """Return whether the source is fetched from a vendor."""
    return config.source.kind in VENDOR_KINDS


def ledger_of(home: Path) -> pd.DataFrame:
    """Return the ledger of a home's requests in the columns of `bars.requests`."""
    return ledger_frame(RawStore(home))


def words_of(vendor: str, state: Progress) -> str:
    """Return progress in words: what came, and how long the rest will take."""
    wanted = state.wanted
    left = "" if state.eta_seconds is None else f", about {state.eta_seconds / 60:.0f} min left"
    return (
        f"{vendor} {wanted.dataset} {wanted.start:%Y-%m}: {state.pages} pages, "
        f"{state.rows:,} rows{left}"
    )
