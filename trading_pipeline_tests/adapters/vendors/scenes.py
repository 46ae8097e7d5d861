"""Fetches against the scripted server: vendors, clocks and homes for the tests of the engine."""

import random
import threading
import time
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pandas as pd

from trading_pipeline.adapters.vendors.alpaca import Alpaca
from trading_pipeline.adapters.vendors.backfill import fetch, open_client
from trading_pipeline.adapters.vendors.limits import Clock, Deadline
from trading_pipeline.adapters.vendors.massive import Massive
from trading_pipeline.adapters.vendors.plan import plan
from trading_pipeline.adapters.vendors.raw_store import RawStore
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.settings import load_settings

KEYS = {
    "APCA_API_KEY_ID": "PKTESTTESTTEST000001",
    "APCA_API_SECRET_KEY": "s3cret/of+the=tests0123456789",
    "MASSIVE_API_KEY": "massiveSecretOfTheTests9876",
}
AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)
VENDORS = {"alpaca": Alpaca, "massive": Massive}


class WarpClock:
    """Real time that sleeping jumps over."""

    def __init__(self, start=AS_OF):
        self._start = start.timestamp()
        self._zero = time.monotonic()
        self._jumped = 0.0
        self._lock = threading.Lock()
        self.slept = []

    def monotonic(self):
        with self._lock:
            return time.monotonic() - self._zero + self._jumped

    def wall(self):
        return self._start + self.monotonic()

    def sleep(self, seconds):
        with self._lock:
            self._jumped += seconds
            self.slept.append(seconds)

    @property
    def clock(self):
        return Clock(self.monotonic, self.wall, self.sleep)


def patience(**changes):
    """Return the shipped settings of fetching, with changes."""
    shipped = load_settings(environment={}).vendors
    return shipped.model_copy(update={"timeout_seconds": 5.0} | changes)


def plan_settings(url, **changes):
    """Return the settings of one vendor at an address."""
    shipped = {"requests_per_minute": 1000, "page_limit": 10_000, "symbols_per_call": 50}
    return VendorConfig(base_url=url, **(shipped | changes))


class Scene:
    """One home, one vendor at one address, one clock."""

    def __init__(self, home, url, *, name="alpaca", clock=None, settings=None, **changes):
        self.store = RawStore(home)
        self.name = name
        self.warp = clock or WarpClock()
        self.settings = settings or plan_settings(url)
        self.vendor = VENDORS[name](self.settings, KEYS)
        self.patience = patience(**changes)
        # As a request leaves: the server's thread may see it only after the clock has jumped.
        self.sent = []

    def plan(self, symbols, start, end, *, dataset="minute", as_of=AS_OF, settle_days=3):
        """Return what is missing."""
        size = self.settings.symbols_per_call
        return plan(
            self.name, dataset, symbols, start, end,
            store=self.store, symbols_per_call=size, settle_days=settle_days, as_of=as_of,
        )  # fmt: skip

    @contextmanager
    def client(self, deadline_seconds=None, seed=0):
        """Give a client with its own deadline."""
        seconds = deadline_seconds or self.patience.deadline_seconds
        deadline = Deadline(seconds, self.warp.clock)
        with open_client(
            self.vendor, self.settings, self.patience, self.store, deadline,
            jitter=random.Random(seed),
        ) as client:  # fmt: skip
            client._http.event_hooks = {"request": [self._note]}
            yield client

    def _note(self, _request):
        self.sent.append(self.warp.clock.monotonic())

    def fetch(self, wanted, *, deadline_seconds=None, seed=0, progress=None):
        """Fetch a plan."""
        with self.client(deadline_seconds, seed) as client:
            return fetch(wanted, client=client, store=self.store, progress=progress)

    def rows(self, dataset="minute"):
        """Return the stored bars, settled: of each symbol and minute the last word."""
        parts = [
            self.vendor.parse(item.wanted, item.call, body).rows
            for item, body in self.store.pages(self.name, dataset)
        ]
        filled = [part for part in parts if len(part)]
        frame = pd.concat(filled, ignore_index=True).drop_duplicates(["symbol", "ts"], keep="last")
        return frame.sort_values(["symbol", "ts"], ignore_index=True)


def most_in_a_minute(moments):
    """Return the largest number of moments that any 60 seconds hold, both ends included."""
    ordered = sorted(moments)
    low = most = 0
    for high, at in enumerate(ordered):
        while at - ordered[low] > 60.0:
            low += 1
        most = max(most, high - low + 1)
    return most


def days(first, last):
    """Return two dates from ISO texts."""
    return date.fromisoformat(first), date.fromisoformat(last)
