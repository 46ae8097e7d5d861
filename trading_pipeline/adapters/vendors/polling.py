"""Polling: the minute bars of today as a vendor has them by now, within its plan, kept nowhere."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Final

import pandas as pd

from trading_pipeline.adapters.vendors.client import VendorClient
from trading_pipeline.adapters.vendors.limits import Deadline, RateLimiter
from trading_pipeline.adapters.vendors.moments import iso
from trading_pipeline.adapters.vendors.raw_store import RawStore
from trading_pipeline.contracts.data_config import VendorConfig, VendorsConfig
from trading_pipeline.contracts.errors import InputError, VendorAnswerError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS, Call, Vendor, Wanted

MAX_PAGES: Final = 1000
SESSION_SECONDS: Final = 24 * 3600.0


class MinutePoll:
    """Asks one vendor for the newest minute bars of some symbols. One try a call: the next poll
    is the retry."""

    def __init__(
        self,
        vendor: Vendor,
        settings: VendorConfig,
        patience: VendorsConfig,
        store: RawStore,
        symbols: Sequence[str],
    ) -> None:
        """Raises InputError where the vendor's key is missing, or it cannot be polled."""
        if vendor.name not in _SINCE:
            raise InputError(f"{vendor.name} has no minute bars to poll; one of {sorted(_SINCE)}")
        self.vendor = vendor
        size = settings.symbols_per_call
        ordered = sorted(symbols)
        self.groups = [tuple(ordered[at : at + size]) for at in range(0, len(ordered), size)]
        deadline = Deadline(SESSION_SECONDS)
        # What earlier processes of this home asked in the last minute counts too.
        sent = store.folder / f"{vendor.name}.sent"
        limiter = RateLimiter(settings.requests_per_minute, deadline, sent)
        once = patience.model_copy(update={"max_attempts": 1})
        self.client = VendorClient(vendor, once, limiter, deadline)

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def bars(self, day: date, since: pd.Timestamp) -> pd.DataFrame:
        """Return the bars that opened at or after `since` (UTC), in the columns of a page.

        Raises VendorError where the vendor does not deliver, InputError where it refuses the key.
        """
        pages = [page for group in self.groups for page in self._pages(group, day, since)]
        filled = [page for page in pages if len(page)]
        if not filled:
            return pd.DataFrame(columns=list(PAGE_COLUMNS["minute"]))
        return pd.concat(filled, ignore_index=True)

    def _pages(
        self, symbols: tuple[str, ...], day: date, since: pd.Timestamp
    ) -> Iterator[pd.DataFrame]:
        wanted = Wanted(self.vendor.name, "minute", symbols, day, day)
        call: Call | None = _SINCE[self.vendor.name](self.vendor.first_call(wanted), since)
        for _ in range(MAX_PAGES):
            if call is None:
                return
            answer = self.client.get(call, partial(self.vendor.parse, wanted, call))
            yield answer.content.rows
            call = answer.content.next_call
        raise VendorAnswerError(f"{self.vendor.name} gave more than {MAX_PAGES} pages of one poll")


def _alpaca_since(call: Call, since: pd.Timestamp) -> Call:
    start = iso(since.tz_convert("UTC").tz_localize(None))
    return Call(
        call.path, tuple((k, start) if k == "start" else (k, value) for k, value in call.params)
    )


def _massive_since(call: Call, since: pd.Timestamp) -> Call:
    # .../range/1/minute/FROM/TO: FROM may be milliseconds since 1970.
    head, _, end = call.path.rpartition("/")
    return Call(f"{head.rpartition('/')[0]}/{int(since.timestamp() * 1000)}/{end}", call.params)


_SINCE: Final[dict[str, Callable[[Call, pd.Timestamp], Call]]] = {
    "alpaca": _alpaca_since,
    "massive": _massive_since,
}
