"""Runs a plan: page after page into the raw store, resumable at any of them."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trading_pipeline.adapters.vendors.client import VendorClient, VendorRefusedError
from trading_pipeline.adapters.vendors.limits import Deadline, RateLimiter
from trading_pipeline.adapters.vendors.plan import NEW_YORK, symbol_days
from trading_pipeline.adapters.vendors.raw_store import Answered, Chain, RawStore
from trading_pipeline.contracts.data_config import VendorConfig, VendorsConfig
from trading_pipeline.contracts.errors import VendorAnswerError
from trading_pipeline.contracts.vendors import Call, Dataset, Page, Vendor, Wanted

if TYPE_CHECKING:
    import pandas as pd

# A vendor that gives ever new pages, or ever new empty ones, never ends.
MAX_PAGES: Final = 100_000
MAX_EMPTY_PAGES: Final = 20
_SHOWN_FAILURES: Final = 5
# Where each row of a dataset says whose it is and when; others are as wide as the vendor likes.
_CHECKED: Final[dict[Dataset, tuple[str, str]]] = {
    "daily": ("symbol", "ts"),
    "minute": ("symbol", "ts"),
    "quotes": ("symbol", "ts"),
    "options": ("symbol", "ts"),
    "macro": ("series", "ts"),
}
_NEW_YORK_TIME: Final = frozenset(("minute", "quotes"))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a fetch is; `eta_seconds` is None until there is a pace to go by."""

    done: int
    total: int
    pages: int
    rows: int
    seconds: float
    eta_seconds: float | None
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought."""

    pieces: int
    pages: int
    rows: int


@contextmanager
def open_client(
    vendor: Vendor,
    settings: VendorConfig,
    patience: VendorsConfig,
    store: RawStore,
    deadline: Deadline,
    *,
    jitter: random.Random | None = None,
) -> Iterator[VendorClient]:
    """Give a client within the vendor's plan, which earlier processes of this home count into.

    Raises InputError where the vendor's key is missing.
    """
    limiter = RateLimiter(
        settings.requests_per_minute, deadline, store.folder / f"{vendor.name}.sent"
    )
    client = VendorClient(vendor, patience, limiter, deadline, jitter=jitter)
    try:
        yield client
    finally:
        client.close()


def fetch(
    wanted: Sequence[Wanted],
    *,
    client: VendorClient,
    store: RawStore,
    progress: Callable[[Progress], None] | None = None,
) -> Fetched:
    """Fetch a plan of one vendor; each page is on the disk before the next is asked for.

    A piece the vendor will not serve is halved until the symbol at fault stands alone; a piece
    that fails leaves the others to go on.

    Raises:
        VendorAnswerError: After all other pieces are fetched, naming those that failed.
        VendorDeadlineError, VendorError, InputError: At once; what was fetched is kept.
    """
    with store.fetching(client.vendor.name):
        return _Run(client, store, progress).all(wanted)


class _Run:
    """One fetch under way."""

    def __init__(
        self, client: VendorClient, store: RawStore, progress: Callable[[Progress], None] | None
    ) -> None:
        self.client = client
        self.vendor = client.vendor
        self.store = store
        self.progress = progress
        self.begun = client.clock.monotonic()
        self.pages = self.rows = self.done = self.total = 0
        self.work_done = self.work = 0

    def all(self, wanted: Sequence[Wanted]) -> Fetched:
        opened = {
            chain.wanted: chain
            for chain in self.store.chains(self.vendor.name)
            if not chain.is_complete
        }
        failures = []
        queue = deque(wanted)
        self.total = len(queue)
        self.work = sum(symbol_days(item) for item in queue)
        while queue:
            item = queue.popleft()
            try:
                self._piece(item, opened.get(item))
            except VendorRefusedError as error:
                if len(item.symbols) > 1:
                    queue.extendleft(reversed(_halves(item)))
                    self.total += 1
                    continue
                failures.append(f"{_named(item)}: {error}")
            except VendorAnswerError as error:
                failures.append(f"{_named(item)}: {error}")
            self.done += 1
            self.work_done += symbol_days(item)
            self._report(item)
        if failures:
            more = len(failures) - _SHOWN_FAILURES
            raise VendorAnswerError(
                f"{len(failures)} of {self.total} pieces failed, the others are stored: "
                + "; ".join(failures[:_SHOWN_FAILURES])
                + (f"; and {more} more" if more > 0 else "")
            )
        return Fetched(self.done, self.pages, self.rows)

    def _piece(self, wanted: Wanted, opened: Chain | None) -> None:
        pages = list(opened.pages) if opened else []
        asked = {page.call for page in pages}
        if pages:
            try:
                pages.append(self._page(wanted, pages, asked))
            except VendorAnswerError:
                # The vendor may have forgotten a page token of an earlier day.
                pages, asked = [], set()
        while not pages or not pages[-1].is_last:
            pages.append(self._page(wanted, pages, asked))

    def _page(self, wanted: Wanted, before: Sequence[Answered], asked: set[Call]) -> Answered:
        """Fetch and record the page after those of its chain; its call joins those asked."""
        call = before[-1].next_call if before else self.vendor.first_call(wanted)
        assert call is not None
        asked.add(call)

        def read(body: bytes) -> tuple[Page, Call | None]:
            page = self.vendor.parse(wanted, call, body)
            check_rows(wanted, page.rows)
            following = self.client.without_keys(page.next_call) if page.next_call else None
            _check_chain(wanted, following, asked, before, is_empty=page.rows.empty)
            return page, following

        answer = self.client.get(call, read)
        page, following = answer.content
        answered = Answered(
            wanted=wanted,
            call=call,
            page=len(before),
            status=answer.status,
            sha256=self.store.store_body(answer.body),
            n_bytes=len(answer.body),
            n_rows=len(page.rows),
            fetched_at=answer.fetched_at,
            next_call=following,
        )
        self.store.record(answered)
        self.pages += 1
        self.rows += answered.n_rows
        if following is not None:
            self._report(wanted)
        return answered

    def _report(self, wanted: Wanted) -> None:
        if self.progress is None:
            return
        seconds = self.client.clock.monotonic() - self.begun
        left = self.work - self.work_done
        eta = seconds * left / self.work_done if self.work_done else None
        self.progress(Progress(self.done, self.total, self.pages, self.rows, seconds, eta, wanted))


def check_rows(wanted: Wanted, rows: "pd.DataFrame") -> None:
    """Raise VendorAnswerError for rows of a symbol or date that was not asked for.

    Order and repetition are free: the newest word on a row is settled when tables are built.
    """
    columns = _CHECKED.get(wanted.dataset)
    if columns is None or rows.empty:
        return
    owner, moment = columns
    strange = sorted(set(rows[owner].astype(str).unique()) - set(wanted.symbols))
    if wanted.symbols and strange:
        raise VendorAnswerError(
            f"{_named(wanted)} was asked for, rows of {', '.join(strange[:5])} came"
        )
    first, last = rows[moment].min(), rows[moment].max()
    if wanted.dataset in _NEW_YORK_TIME:
        first, last = (at.tz_localize("UTC").tz_convert(NEW_YORK) for at in (first, last))
    if rows[moment].isna().any() or first.date() < wanted.start or last.date() > wanted.end:
        raise VendorAnswerError(f"{_named(wanted)} was asked for, rows from {first} to {last} came")


def _check_chain(
    wanted: Wanted,
    following: Call | None,
    asked: set[Call],
    before: Sequence[Answered],
    *,
    is_empty: bool,
) -> None:
    """Raise VendorAnswerError where the pages would never end."""
    if following is None:
        return
    if following in asked:
        raise VendorAnswerError(f"page {len(before)} leads back to a page that was asked before")
    if len(before) + 1 >= MAX_PAGES:
        raise VendorAnswerError(f"more than {MAX_PAGES} pages for one range")
    # An option chain is walked contract by contract, and many never trade.
    if is_empty and wanted.dataset != "options":
        recent = before[-MAX_EMPTY_PAGES:]
        if len(recent) == MAX_EMPTY_PAGES and not any(page.n_rows for page in recent):
            raise VendorAnswerError(f"more than {MAX_EMPTY_PAGES} empty pages in a row")


def _halves(wanted: Wanted) -> list[Wanted]:
    middle = len(wanted.symbols) // 2
    return [
        Wanted(wanted.vendor, wanted.dataset, symbols, wanted.start, wanted.end)
        for symbols in (wanted.symbols[:middle], wanted.symbols[middle:])
    ]


def _named(wanted: Wanted) -> str:
    symbols = ",".join(wanted.symbols[:5]) + (",…" if len(wanted.symbols) > 5 else "")
    return f"{wanted.dataset} {symbols} {wanted.start} to {wanted.end}".replace("  ", " ")
