"""One ingest: what the settings want of every vendor, planned against the ledger and fetched."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

from trading_pipeline.adapters.vendors import vendor_of
from trading_pipeline.adapters.vendors.backfill import Progress, fetch, open_client
from trading_pipeline.adapters.vendors.limits import Deadline
from trading_pipeline.adapters.vendors.market import CONTEXT_VENDORS, VendorMarket
from trading_pipeline.adapters.vendors.plan import Estimate, estimate, plan
from trading_pipeline.adapters.vendors.raw_store import RawStore
from trading_pipeline.contracts.data_config import SourceConfig, VendorConfig, VendorsConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Dataset, Vendor, Wanted

VENDOR_KINDS: Final = ("alpaca", "massive")
# Macro series and VIX begin before the bars, so that lags and proxies have their warm-up.
CONTEXT_START: Final = date(1990, 1, 1)


@dataclass(frozen=True, slots=True)
class Planned:
    """What is missing of one vendor; `note` says why nothing is asked, where that is so."""

    vendor: Vendor
    settings: VendorConfig
    wanted: tuple[Wanted, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest brought, and what it left out and why."""

    pieces: int
    pages: int
    rows: int
    notes: tuple[str, ...]


class Ingest:
    """Fetching for one home and one source; the ledger makes it incremental and resumable."""

    def __init__(
        self, home: Path, source: SourceConfig, vendors: VendorsConfig, keys: Mapping[str, str]
    ) -> None:
        """Raises InputError for a source that names no symbol or no start."""
        if not source.symbols or source.start is None:
            raise InputError(
                f"source {source.kind} fetches what is asked for: give --symbols A,B and --start D"
            )
        self.store = RawStore(home)
        self.source = source
        self.start: date = source.start
        self.config = vendors
        names = (source.kind, *CONTEXT_VENDORS)
        self.vendors = {name: vendor_of(name, vendors, keys) for name in names}

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols asked for, and the broad index beside them."""
        return tuple(sorted({*self.source.symbols, self.config.index_symbol}))

    def plan(self, as_of: datetime, months: tuple[date, date] | None = None) -> list[Planned]:
        """Return what is missing of each vendor, the main one first.

        `months` limits it to the monthly datasets between two dates.
        """
        first, last = months or (self.start, self.source.end or as_of.date())
        first, last = max(first, self.start), min(last, self.source.end or last)
        main = self.vendors[self.source.kind]
        datasets: list[Dataset] = [] if months else ["daily"]
        datasets += [
            name
            for name in self.config.datasets
            if name in main.datasets and (not months or name in ("minute", "quotes", "news"))
        ]
        planned = [self._planned(main, datasets, self.symbols, first, last, as_of)]
        if months:
            return planned
        for name, dataset in CONTEXT_VENDORS.items():
            if dataset in self.config.datasets and dataset not in main.datasets:
                series = self.config.macro_series if dataset == "macro" else ()
                vendor = self.vendors[name]
                try:
                    vendor.secrets(), vendor.secret_params()
                except InputError as error:
                    note = f"{dataset} is not fetched: {error}"
                    planned.append(Planned(vendor, getattr(self.config, name), (), note))
                    continue
                planned.append(self._planned(vendor, [dataset], series, CONTEXT_START, last, as_of))
        return planned

    def estimates(self, as_of: datetime) -> list[tuple[Planned, Estimate]]:
        """Return what a fetch would take; nothing is asked of any vendor."""
        return [
            (each, estimate(each.wanted, store=self.store, settings=each.settings))
            for each in self.plan(as_of)
        ]

    def fetch(
        self,
        as_of: datetime,
        progress: Callable[[str, Progress], None],
        months: tuple[date, date] | None = None,
    ) -> Ingested:
        """Fetch what is missing; each page is kept as it comes.

        Raises InputError for a missing or refused key; VendorError where a vendor does not deliver.
        """
        deadline = Deadline(self.config.deadline_seconds)
        pieces = pages = rows = 0
        notes = []
        for each in self.plan(as_of, months):
            if each.note:
                notes.append(each.note)
            if not each.wanted:
                continue
            name = each.vendor.name
            with open_client(
                each.vendor, each.settings, self.config, self.store, deadline
            ) as client:
                fetched = fetch(
                    each.wanted,
                    client=client,
                    store=self.store,
                    progress=lambda state, name=name: progress(name, state),  # type: ignore[misc]
                )
            pieces, pages = pieces + fetched.pieces, pages + fetched.pages
            rows += fetched.rows
        return Ingested(pieces, pages, rows, tuple(notes))

    def market(self) -> VendorMarket:
        """Return the market folder that the raw answers make."""
        return VendorMarket(
            self.store,
            self.vendors,
            self.source.kind,
            self.config.index_symbol,
            self.config.etfs,
        )

    def _planned(
        self,
        vendor: Vendor,
        datasets: Sequence[Dataset],
        symbols: Sequence[str],
        first: date,
        last: date,
        as_of: datetime,
    ) -> Planned:
        settings: VendorConfig = getattr(self.config, vendor.name)
        wanted = [
            item
            for dataset in datasets
            for item in plan(
                vendor.name,
                dataset,
                symbols,
                first,
                last,
                store=self.store,
                symbols_per_call=settings.symbols_per_call,
                settle_days=self.config.settle_days,
                as_of=as_of,
            )
        ]
        return Planned(vendor, settings, tuple(wanted))
