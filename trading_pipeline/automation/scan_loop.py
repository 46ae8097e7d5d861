"""The loop of a scan: bars in, alerts stored, then told; what a person watching needs to know.

An alert is stored before anyone is told of it, in one transaction for the alerts of a batch: a
scan killed at any point and started again tells nothing twice.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from trading_pipeline.automation.scan_feeds import Batch, Feed, ScanClock
from trading_pipeline.contracts.errors import WarehouseBusyError
from trading_pipeline.domain.selloffs.live_minutes import ScanSession
from trading_pipeline.domain.selloffs.scanner import Scanner
from trading_pipeline.resources import Warehouse

TABLE = "selloffs.alerts"
# Each waits for the warehouse's lock as long as the settings say.
LAST_ATTEMPTS = 5


class Broker(Protocol):
    """Trades alerts on paper."""

    def on_alerts(self, alerts: pd.DataFrame, now: pd.Timestamp) -> object:
        """Take new rows of selloffs.alerts, withheld ones too."""

    def tick(self, now: pd.Timestamp, last_prices: Mapping[str, float]) -> object:
        """Look after open orders and positions."""

    def close(self, now: pd.Timestamp) -> object:
        """The session is over."""

    def lines(self) -> list[str]:
        """Return what the terminal view shows of the book."""


class Notices(Protocol):
    """Tells people of alerts."""

    def send(self, alerts: pd.DataFrame) -> None:
        """Tell of new rows."""

    @property
    def told(self) -> Sequence[str]:
        """What was told last, and what failed."""


@dataclass(eq=False)
class ScanState:
    """What the view shows; the loop keeps it up to date."""

    session: ScanSession
    mode: str
    model_version: str | None
    model_words: str
    n_symbols: int
    alerts: pd.DataFrame
    now: pd.Timestamp
    scanned_at: pd.Timestamp
    n_before: int = 0
    model_fault: str = ""
    is_seen: bool = False
    stale_since: pd.Timestamp | None = None
    newest_close: pd.Timestamp | None = None
    n_late_bars: int = 0
    problem: str = ""
    notices: Sequence[str] = ()
    book: list[str] = field(default_factory=list)
    is_over: bool = False


class View(Protocol):
    """Shows a scan to a person."""

    def show(self, state: ScanState, new: pd.DataFrame) -> None:
        """Show the state; `new` holds the rows that just came."""


class SilentView:
    """For nobody: the tables tell the same."""

    def show(self, state: ScanState, new: pd.DataFrame) -> None: ...


@dataclass(frozen=True, slots=True)
class ScanSummary:
    """What a session's scan has found by its end, earlier processes of the same scan included.

    `is_seen` says that the model learned from this session: what it says there proves nothing.
    """

    scan_id: str
    mode: str
    session_date: pd.Timestamp
    scanned_at: pd.Timestamp
    started_at: pd.Timestamp
    total_seconds: float
    n_symbols: int
    n_events: int
    n_alerts: int
    n_signals: int
    n_withheld: int
    n_new: int
    model_version: str | None
    latency_ms: tuple[float, ...] = ()
    is_seen: bool = False


def stored_alerts(warehouse: Warehouse, mode: str, session_date: pd.Timestamp) -> pd.DataFrame:
    """Return the rows that a mode and session have."""
    return warehouse.read(
        f"select * from {TABLE} where mode = $mode and session_date = $day"
        " order by detected_at, rank",
        {"mode": mode, "day": session_date.date()},
    )


@contextmanager
def no_long_pauses() -> Iterator[None]:
    """Keep what is loaded by now out of the garbage collector's sight.

    Looking through all of it takes a tenth of a second, in whichever minute that comes.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(eq=False)
class ScanLoop:
    """One scan of one session in this process."""

    warehouse: Warehouse
    scanner: Scanner
    state: ScanState
    notices: Notices
    view: View
    broker: Broker | None = None
    clock: ScanClock = field(default_factory=ScanClock)
    _pending: list[pd.DataFrame] = field(default_factory=list)
    _latencies: list[float] = field(default_factory=list)

    def run(self, feed: Feed) -> ScanSummary:
        """Scan until the feed ends; return what the session has by then."""
        started_at, began = self.clock.now(), self.clock.perf()
        if self.broker is not None and len(self.state.alerts):
            # A scan killed between storing and offering left alerts the book has not seen.
            self.broker.on_alerts(self.state.alerts, self.state.now)
        with no_long_pauses():
            for batch in feed:
                self._take(batch)
        self._store_the_rest()
        if self.broker is not None:
            self.broker.close(self.state.now)
            self.state.book = self.broker.lines()
        self.state.is_over = True
        self.view.show(self.state, pd.DataFrame())
        alerts = self.state.alerts
        is_alert = alerts["status"] == "alert"
        # An earlier scan of the session may have asked another model: its words are not this one's.
        is_own = alerts["model_version"] == self.state.model_version
        return ScanSummary(
            self.scanner.scan,
            self.state.mode,
            self.state.session.session_date,
            self.state.scanned_at,
            started_at,
            self.clock.perf() - began,
            self.state.n_symbols,
            len(alerts),
            int(is_alert.sum()),
            int((is_alert & is_own & (alerts["risk_tier"] > 0)).sum()),
            int((~is_alert).sum()),
            len(self._latencies),
            self.state.model_version,
            tuple(self._latencies),
            self.state.is_seen,
        )

    def _take(self, batch: Batch) -> None:
        alerts = self.scanner.advance(batch.minutes, batch.now)
        state = self.state
        state.now, state.problem = batch.now, batch.problem
        state.newest_close = self.scanner.coverage.newest_close
        state.stale_since = self.scanner.coverage.stale_since(batch.now)
        state.n_late_bars = self.scanner.n_late_bars
        if len(alerts):
            latency = 1000.0 * (self.clock.perf() - batch.arrived)
            alerts = alerts.assign(alerted_at=self.clock.now(), latency_ms=latency)
            self._latencies += [latency] * len(alerts)
            self._pending.append(alerts)
        stored = self._try_to_store() if self._pending else pd.DataFrame()
        if self.broker is not None:
            if len(stored):
                self.broker.on_alerts(stored, batch.now)
            self.broker.tick(batch.now, self.scanner.last_prices)
            state.book = self.broker.lines()
        state.notices = list(self.notices.told)
        self.view.show(state, stored)

    def _try_to_store(self) -> pd.DataFrame:
        """Store what waits; while another process keeps the warehouse, it goes on waiting."""
        try:
            return self._store()
        except WarehouseBusyError as error:
            self.state.problem = f"alerts wait to be stored: {error}"
            return pd.DataFrame()

    def _store_the_rest(self) -> None:
        """Store what still waits at the end. Raises WarehouseBusyError after some patience."""
        for _ in range(LAST_ATTEMPTS):
            if not self._pending or len(self._try_to_store()):
                return
        self._store()

    def _store(self) -> pd.DataFrame:
        alerts = pd.concat(self._pending, ignore_index=True)
        self.warehouse.append(TABLE, alerts)
        self._pending.clear()
        parts = [part for part in (self.state.alerts, alerts) if len(part)]
        self.state.alerts = pd.concat(parts, ignore_index=True)
        self.notices.send(alerts)
        return alerts
