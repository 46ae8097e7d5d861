"""What a data vendor is to the rest: it turns a wanted range into calls and answers into rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    import pandas as pd

Dataset = Literal[
    "daily",
    "minute",
    "quotes",
    "news",
    "corporate_actions",
    "calendar",
    "tickers",
    "options",
    "macro",
    "vix",
]

# The columns of a page's rows. `ts` is naive UTC: a bar's start, a quote's instant, or midnight
# of a session or observation date. Missing is NaN, NaT or None.
PAGE_COLUMNS: Final[Mapping[Dataset, tuple[str, ...]]] = {
    "daily": ("symbol", "ts", "open", "high", "low", "close", "volume", "vwap"),
    "minute": ("symbol", "ts", "open", "high", "low", "close", "volume"),
    "quotes": ("symbol", "ts", "bid", "ask", "bid_size", "ask_size"),
    "news": ("news_id", "symbol", "published_at", "updated_at", "headline", "summary", "source"),
    "corporate_actions": ("symbol", "ex_date", "action", "ratio", "amount_usd", "known_at"),
    "calendar": ("session_date", "opens_at", "closes_at"),
    "tickers": ("symbol", "name", "kind", "is_active", "delisted_at"),
    "options": ("symbol", "contract", "ts", "right", "strike", "expiry", "volume", "vwap"),
    "macro": ("series", "ts", "value", "release"),
    "vix": ("ts", "open", "high", "low", "close"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A range to fetch: a dataset of some symbols between two New York dates, both included."""

    vendor: str
    dataset: Dataset
    symbols: tuple[str, ...]
    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Call:
    """One GET: path and query below the vendor's address. It never holds a key."""

    path: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """What one answer holds: rows in `PAGE_COLUMNS`, and the call for the next page, if any."""

    rows: "pd.DataFrame"
    next_call: Call | None = None


class Vendor(Protocol):
    """A data vendor. Pure but for its key: the same body always gives the same page.

    `key_variables` are the environment variables that hold the key, for messages.
    """

    name: str
    key_variables: tuple[str, ...]
    base_url: str
    datasets: frozenset[Dataset]

    def first_call(self, wanted: Wanted) -> Call:
        """Return the call for the first page. Raises InputError on what it cannot deliver."""

    def secrets(self) -> Mapping[str, str]:
        """Return the headers that hold the key. Raises InputError naming the missing variable."""

    def secret_params(self) -> Mapping[str, str]:
        """Return the query parameters that hold the key, for vendors that want it there."""

    def parse(self, wanted: Wanted, call: Call, body: bytes) -> Page:
        """Read an answer. Raises VendorAnswerError, and nothing else, where it is unusable."""
