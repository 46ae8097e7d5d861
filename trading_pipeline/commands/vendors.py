"""Vendors at the command line: whether they can be asked, and what a fetch would take."""

from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.adapters.vendors.ingest import VENDOR_KINDS, Ingest
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.settings import vendor_keys


def ingest_of(home: Path, config: PipelineConfig) -> Ingest | None:
    """Return the ingest of a vendor source, None for another; no key is needed yet.

    Raises InputError where the source names no symbols or no start.
    """
    if config.source.kind not in VENDOR_KINDS:
        return None
    return Ingest(home, config.source, config.vendors, vendor_keys())


def check_vendor(home: Path, config: PipelineConfig, *, is_dry: bool) -> None:
    """Raise InputError where a fetch is due and its key is missing, before anything is written.

    A dry run needs symbols and a start, but no key.
    """
    ingest = ingest_of(home, config)
    if ingest is None or is_dry:
        return
    for each in ingest.plan(datetime.now(UTC)):
        if each.wanted:
            each.vendor.secrets()
            each.vendor.secret_params()


def print_fetch_estimate(
    console: Console, home: Path, config: PipelineConfig
) -> list[dict[str, object]]:
    """Print and return what is left to fetch, by vendor; nothing is asked of them."""
    ingest = ingest_of(home, config)
    if ingest is None:
        return []
    table = Table(box=None, title="Left to fetch", title_justify="left")
    for name in ("vendor", "pieces", "pages", "rows", "minutes at the plan's pace", "note"):
        table.add_column(name, justify="left" if name in ("vendor", "note") else "right")
    left: list[dict[str, object]] = []
    for planned, expected in ingest.estimates(datetime.now(UTC)):
        table.add_row(
            planned.vendor.name,
            f"{expected.pieces:,}",
            f"about {expected.pages:,}",
            f"about {expected.rows:,}",
            f"{expected.minutes:.1f}",
            planned.note,
        )
        left.append(
            {
                "vendor": planned.vendor.name,
                "pieces": expected.pieces,
                "pages": expected.pages,
                "rows": expected.rows,
                "minutes": round(expected.minutes, 2),
            }
        )
    console.print(table)
    return left


def rows_to_come(home: Path, config: PipelineConfig) -> tuple[int, int]:
    """Return about how many daily rows and sessions a vendor source will hold."""
    ingest = ingest_of(home, config)
    if ingest is None:
        raise InputError(f"source {config.source.kind} is no vendor; choose {VENDOR_KINDS}")
    last = config.source.end or datetime.now(UTC).date()
    sessions = max(1, round((last - ingest.start).days * 252 / 365.25))
    return sessions * len(ingest.symbols), sessions
