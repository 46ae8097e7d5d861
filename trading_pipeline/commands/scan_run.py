"""Puts a scan together: the home's context and model, the feed, who is told, and the broker."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import pandas as pd

from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.notify import Notifier
from trading_pipeline.adapters.sql_files import read_sql
from trading_pipeline.adapters.vendors import vendor_of
from trading_pipeline.adapters.vendors.polling import MinutePoll
from trading_pipeline.adapters.vendors.raw_store import RawStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.scan_feeds import Feed, LiveFeed, ReplayFeed, ScanClock
from trading_pipeline.automation.scan_loop import (
    Broker,
    ScanLoop,
    ScanState,
    ScanSummary,
    View,
    stored_alerts,
)
from trading_pipeline.automation.scan_universe import watched_symbols as scan_filter
from trading_pipeline.commands.scan_context import session_context
from trading_pipeline.commands.scan_model import has_learned_from, model_in_service, words_of
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.scans.history import Mode, scan_id_of
from trading_pipeline.domain.selloffs.freshness import Coverage
from trading_pipeline.domain.selloffs.live_minutes import ScanSession, scan_session_of
from trading_pipeline.domain.selloffs.scanner import Scanner
from trading_pipeline.domain.selloffs.session_scan import SessionScan
from trading_pipeline.resources import open_home
from trading_pipeline.settings import smtp_password, vendor_keys

NEW_YORK = "America/New_York"
LIVE: Final = "live"
REPLAY: Final = "replay"
# A scan waits for the warehouse, not longer than the view may stand still.
WAIT_SECONDS = 5.0
VENDORS = ("alpaca", "massive")


class ScanView(View, AbstractContextManager["ScanView"], Protocol):
    """A view that is opened and closed."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What is to be scanned: a stored session, or today with a vendor."""

    home: Path
    config: PipelineConfig
    mode: Mode
    session: ScanSession
    symbols: tuple[str, ...] = ()
    vendor: str = ""
    speed: float | None = None
    is_once: bool = False
    clock: ScanClock = field(default_factory=ScanClock)
    scanned_at: pd.Timestamp | None = None

    @property
    def as_of(self) -> pd.Timestamp:
        """The moment whose market is told: the session's open, of a single look its own."""
        return self.session.opens_at if self.scanned_at is None else self.scanned_at


Recorder = Callable[[Warehouse, ScanRequest, ScanSummary], None]


def replay_request(
    home: Path,
    config: PipelineConfig,
    day: pd.Timestamp,
    symbols: tuple[str, ...] = (),
    speed: float | None = None,
) -> ScanRequest:
    """Return the request for a stored session. Raises InputError where the day is no session."""
    return ScanRequest(home, config, REPLAY, scan_session_of(day), symbols, speed=speed)


def live_request(
    home: Path,
    config: PipelineConfig,
    vendor: str = "",
    symbols: tuple[str, ...] = (),
    *,
    is_once: bool = False,
    clock: ScanClock | None = None,
) -> ScanRequest:
    """Return the request for today's session. Raises InputError where there is none."""
    clock = clock or ScanClock()
    name = vendor or config.source.kind
    if name not in VENDORS:
        raise InputError(
            f"a live scan polls a vendor, and the home's source is {name}: give"
            f" --vendor {' or '.join(VENDORS)}, or --replay DATE for a stored session"
        )
    now = clock.now()
    session = scan_session_of(now.tz_convert(NEW_YORK).tz_localize(None))
    if now >= session.closes_at:
        raise InputError(
            f"the session of {session.session_date:%Y-%m-%d} closed at"
            f" {session.closes_at.tz_convert(NEW_YORK):%H:%M} New York; start the scan before the"
            " close, or replay a stored session with --replay DATE"
        )
    return ScanRequest(
        home,
        config,
        LIVE,
        session,
        symbols,
        vendor=name,
        is_once=is_once,
        clock=clock,
        scanned_at=now.floor("s") if is_once else None,
    )


def run_scan(
    request: ScanRequest,
    view: ScanView,
    *,
    broker: Callable[[Warehouse], Broker | None] | None = None,
    record: Recorder | None = None,
) -> tuple[ScanSummary, ScanState]:
    """Scan a session to its end; return what it found and the last state of the view.

    Raises:
        InputError: No bars, no such symbols, a key that is missing or refused, another scan of
            the same mode in this home.
    """
    warehouse = open_home(request.home, WAIT_SECONDS)
    with ExitStack() as held:
        held.enter_context(home_lock(request.home, lock_name(request.mode)))
        loop, feed = _prepared(request, warehouse, view, held)
        if broker is not None:
            loop.broker = broker(warehouse)
        held.enter_context(view)
        summary = loop.run(feed)
    if record is not None:
        record(warehouse, request, summary)
    return summary, loop.state


def lock_name(mode: str) -> str:
    """Return the lock that a scan holds in its home: one scan of a mode at a time."""
    return f"scan-{mode}.lock"


def replayed_minutes(warehouse: Warehouse, session: ScanSession) -> pd.DataFrame:
    """Return the stored bars of a session. Raises InputError where there are none."""
    minutes = warehouse.read(
        read_sql("queries/selloffs/session_minutes"),
        {"session_date": session.session_date.date()},
    )
    if minutes.empty:
        span = warehouse.read(
            "select min(session_date) as first, max(session_date) as last from bars.minute"
        ).iloc[0]
        held = (
            f"bars of {span['first']:%Y-%m-%d} to {span['last']:%Y-%m-%d}, with gaps"
            if pd.notna(span["first"])
            else "no minute bars at all"
        )
        raise InputError(
            f"the home holds no minute bars of {session.session_date:%Y-%m-%d}, but {held};"
            " name another session, or run `trading-pipeline ingest` for that one"
        )
    return minutes


def watched_symbols(
    warehouse: Warehouse, request: ScanRequest, with_bars: list[str] | None
) -> list[str]:
    """Return the equities a scan speaks of, sorted: those named, else those [scan] lets through.

    Raises InputError for symbols that the home does not know, or where none are left.
    """
    listed = scan_filter(warehouse.read, request.session.session_date, request.config.scan)
    if with_bars is not None:
        listed = listed[listed["symbol"].isin(with_bars)]
    if request.symbols:
        strange = sorted(set(request.symbols) - set(listed["symbol"]))
        if strange:
            raise InputError(
                f"--symbols names {', '.join(strange[:5])}, of which this home has no equity"
                " with bars; leave them out or ingest them first"
            )
        return sorted(request.symbols)
    chosen = sorted(listed.loc[listed["is_watched"], "symbol"])
    if not chosen:
        why = listed.loc[~listed["is_watched"], "reason"].value_counts()
        raise InputError(
            "no symbol passes the filter of [scan]"
            + (f" ({int(why.iloc[0])} times: {why.index[0]})" if len(why) else "")
            + "; loosen its settings or give --symbols"
        )
    return chosen


def polled_symbols(
    warehouse: Warehouse, request: ScanRequest, watched: Sequence[str]
) -> tuple[list[str], bool]:
    """Return whom a live scan asks for, sorted, and whether they are the whole market of the home.

    Breadth, sectors and the share of the fallen rest on all symbols with minutes, as in history,
    whichever are spoken of. Where the vendor's plan does not allow so many calls a minute, only
    the watched and the index are asked for, and those features are missing.
    """
    index = warehouse.read("select symbol from bars.universe where is_index")["symbol"]
    others = warehouse.read("select distinct symbol from bars.minute where is_regular")["symbol"]
    every = {*watched, *index, *others}
    settings: VendorConfig = getattr(request.config.vendors, request.vendor)
    is_whole = len(every) <= settings.symbols_per_call * settings.requests_per_minute
    return sorted(every if is_whole else {*watched, *index}), is_whole


def _prepared(
    request: ScanRequest, warehouse: Warehouse, view: View, held: ExitStack
) -> tuple[ScanLoop, Feed]:
    config, session = request.config, request.session
    feed: Feed
    is_whole = True
    with warehouse.reader():
        if request.mode == REPLAY:
            minutes = replayed_minutes(warehouse, session)
            scanned = sorted(minutes["symbol"].unique())
            watched = watched_symbols(warehouse, request, scanned)
            feed = ReplayFeed(minutes, request.speed, request.clock)
        else:
            watched = watched_symbols(warehouse, request, None)
            scanned, is_whole = polled_symbols(warehouse, request, watched)
        context = session_context(warehouse.read, session, scanned, config)
        told = stored_alerts(warehouse, request.mode, session.session_date)
        speaker, fault = model_in_service(warehouse, request.home, config.runtime.threads)
    if request.mode == LIVE:
        poll = _poll(request, scanned)
        held.callback(poll.close)
        feed = LiveFeed(
            poll, request.vendor, session, config.scan, request.clock, is_once=request.is_once
        )
    scanner = Scanner(
        SessionScan(session.session_date, context, config.selloffs),
        speaker,
        Coverage(session.opens_at, session.closes_at, config.scan),
        mode=request.mode,
        scan=scan_id(request, speaker.version),
        rule=config.selloffs.trade,
        told=told,
        watched=frozenset(watched),
        is_whole_market=is_whole,
    )
    # What another scan of the session told of other symbols or depths is not this one's.
    own = told[told["symbol"].isin(watched) & told["rung"].isin(config.selloffs.rungs)]
    own = own.reset_index(drop=True)
    is_seen = has_learned_from(speaker, session.session)
    if is_seen:
        seen = f"model {speaker.version} learned from this session: what it says is no evidence"
        fault = "; ".join(filter(None, (fault, seen)))
    state = ScanState(
        session=session,
        mode=request.mode,
        model_version=speaker.version,
        model_words=words_of(speaker),
        n_symbols=len(watched),
        alerts=own,
        now=session.opens_at if request.mode == REPLAY else request.clock.now(),
        scanned_at=request.as_of,
        n_before=len(own),
        model_fault=fault,
        is_seen=is_seen,
    )
    notifier = held.enter_context(Notifier(config.scan.notify, smtp_password()))
    return ScanLoop(warehouse, scanner, state, notifier, view, clock=request.clock), feed


def _poll(request: ScanRequest, symbols: list[str]) -> MinutePoll:
    config = request.config
    settings: VendorConfig = getattr(config.vendors, request.vendor)
    vendor = vendor_of(request.vendor, config.vendors, vendor_keys())
    return MinutePoll(vendor, settings, config.vendors, RawStore(request.home), symbols)


def scan_id(request: ScanRequest, model_version: str | None) -> str:
    """Return the scan's id: a restart on the same day with the same settings is the same scan."""
    return scan_id_of(
        request.mode,
        request.session.session_date,
        request.as_of,
        request.config.scan,
        request.config.selloffs,
        model_version,
        request.symbols,
    )
