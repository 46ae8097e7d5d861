"""What is still to be fetched: the pieces of a wanted range that the ledger does not cover."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo

from trading_pipeline.adapters.vendors.raw_store import Chain, RawStore
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.vendors import Dataset, Wanted

NEW_YORK: Final = ZoneInfo("America/New_York")

# A piece is small enough to lose little when it fails, large enough to fill its pages.
_BY_MONTH: Final = frozenset(("minute", "quotes", "news"))
_BY_YEAR: Final = frozenset(("daily", "options"))
# Facts that come long after the date they stand under: a month's inflation, a late split.
_LATE_DAYS: Final[Mapping[Dataset, int]] = {"macro": 200, "corporate_actions": 30}
# What was fetched this short a time ago is not asked again, so that a rerun asks for nothing.
_FRESH: Final = timedelta(hours=1)
# Rows a symbol gives in a calendar day, until the ledger knows better.
_ROWS_PER_DAY: Final[Mapping[Dataset, float]] = {
    "daily": 0.7,
    "minute": 400.0,
    "quotes": 200_000.0,
    "news": 2.0,
    "options": 500.0,
    "corporate_actions": 0.02,
}

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a fetch is expected to take; minutes at the pace the vendor's plan allows."""

    pieces: int
    pages: int
    rows: int
    minutes: float


def plan(
    vendor: str,
    dataset: Dataset,
    symbols: Iterable[str],
    start: date,
    end: date,
    *,
    store: RawStore,
    symbols_per_call: int,
    settle_days: int,
    as_of: datetime,
) -> list[Wanted]:
    """Return what is missing, in order of date: first the chains to go on with.

    Args:
        vendor: The vendor's name.
        dataset: Cut by month (minute, quotes, news), by year (daily, options) or not at all.
        symbols: Tickers or series; none for a dataset without symbols.
        start: First New York date.
        end: Last New York date; what lies after `as_of` is not asked for.
        store: Its ledger says what is covered.
        symbols_per_call: Most symbols in one piece.
        settle_days: A date fetched less than this after its end is fetched again, later.
        as_of: The instant of the ingest, with a time zone.
    """
    last = min(end, as_of.astimezone(NEW_YORK).date())
    if last < start:
        return []
    names = sorted(set(symbols)) or [""]
    settle = max(settle_days, _LATE_DAYS.get(dataset, 0))
    covered: dict[str, list[Span]] = defaultdict(list)

    def cover(chain: Chain) -> None:
        span = _settled(chain, settle, as_of)
        for name in chain.wanted.symbols or ("",):
            covered[name].append(span)

    for chain in store.completed(vendor, dataset):
        cover(chain)
    missing: list[Wanted] = []
    for chain in store.open_chains(vendor, dataset):
        wanted = chain.wanted
        theirs = wanted.symbols or ("",)
        whole = (wanted.start.toordinal(), wanted.end.toordinal())
        is_asked = start <= wanted.start and wanted.end <= last and set(theirs) <= set(names)
        if is_asked and any(_gaps(whole, covered[name]) for name in theirs):
            missing.append(wanted)
            cover(chain)
    merged = {name: _merged(covered[name]) for name in names}
    for piece in _pieces(dataset, start, last):
        lacking: dict[Span, list[str]] = defaultdict(list)
        for name in names:
            for gap in _gaps(piece, merged[name]):
                lacking[gap].append(name)
        for (first, until), group in sorted(lacking.items()):
            days = date.fromordinal(first), date.fromordinal(until)
            for at in range(0, len(group), symbols_per_call):
                batch = tuple(name for name in group[at : at + symbols_per_call] if name)
                missing.append(Wanted(vendor, dataset, batch, *days))
    return missing


def estimate(wanted: Sequence[Wanted], *, store: RawStore, settings: VendorConfig) -> Estimate:
    """Return what fetching a plan is expected to take, by the rows the ledger has seen so far."""
    seen: dict[tuple[str, Dataset], float] = {}
    pages, rows = 0, 0.0
    for item in wanted:
        key = (item.vendor, item.dataset)
        if key not in seen:
            seen[key] = _rows_per_day(store.completed(*key), item.dataset)
        expected = seen[key] * symbol_days(item)
        rows += expected
        pages += max(1, ceil(expected / settings.page_limit))
    return Estimate(len(wanted), pages, round(rows), pages / settings.requests_per_minute)


def symbol_days(wanted: Wanted) -> int:
    """Return symbols times calendar days: how much work a range is beside another."""
    return max(1, len(wanted.symbols)) * ((wanted.end - wanted.start).days + 1)


def _rows_per_day(chains: Sequence[Chain], dataset: Dataset) -> float:
    days = sum(symbol_days(chain.wanted) for chain in chains)
    rows = sum(page.n_rows for chain in chains for page in chain.pages)
    return rows / days if days else _ROWS_PER_DAY.get(dataset, 1.0)


def _settled(chain: Chain, settle_days: int, as_of: datetime) -> Span:
    """Return the part of a chain's range that need not be asked again; it may be empty."""
    start, end = chain.wanted.start.toordinal(), chain.wanted.end.toordinal()
    if as_of - chain.begun_at < _FRESH:
        return start, end
    fetched = chain.begun_at.astimezone(NEW_YORK).date().toordinal()
    # The date after a date is its end.
    return start, min(end, fetched - settle_days - 1)


def _pieces(dataset: Dataset, start: date, end: date) -> Iterator[Span]:
    first = start
    while first <= end:
        if dataset in _BY_MONTH:
            following = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        elif dataset in _BY_YEAR:
            following = date(first.year + 1, 1, 1)
        else:
            following = end + timedelta(days=1)
        last = min(end, following - timedelta(days=1))
        yield first.toordinal(), last.toordinal()
        first = following


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch made one, empty ones left out."""
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] <= span[1]):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _gaps(whole: Span, covered: Iterable[Span]) -> list[Span]:
    """Return the parts of a span that no covered span holds, in order."""
    gaps = []
    first, last = whole
    for start, end in _merged(covered):
        if end < first:
            continue
        if start > last:
            break
        if start > first:
            gaps.append((first, start - 1))
        first = end + 1
    if first <= last:
        gaps.append((first, last))
    return gaps
