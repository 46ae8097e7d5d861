"""Feeds of a scan: the bars of a stored session at any speed, or those a vendor has by now."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import pandas as pd

from trading_pipeline.contracts.errors import InputError, VendorError
from trading_pipeline.contracts.selloffs_config import ScanConfig
from trading_pipeline.domain.selloffs.live_minutes import ScanSession, live_minutes

MINUTE = pd.Timedelta(minutes=1)
# How long a feed waits at most before it lets the scan look at its clock.
BEAT_SECONDS = 1.0
# Bars of so many minutes back are asked for again: some come late.
LATE_MINUTES = 5


@dataclass(frozen=True, slots=True)
class ScanClock:
    """Time as a scan sees it."""

    now: Callable[[], pd.Timestamp] = lambda: pd.Timestamp.now(tz="UTC")
    sleep: Callable[[float], None] = time.sleep
    perf: Callable[[], float] = time.perf_counter


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What came at one moment: bars or none, and what the vendor had to say of a failure."""

    minutes: pd.DataFrame
    now: pd.Timestamp
    arrived: float
    problem: str = ""


class Feed(Protocol):
    """Gives batches until the session is over."""

    def __iter__(self) -> Iterator[Batch]:
        """Yield what comes; a batch without bars is a beat of the clock."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplayFeed:
    """A stored session, minute by minute; its clock is the close of the bar that came last."""

    minutes: pd.DataFrame
    speed: float | None = None
    clock: ScanClock = field(default_factory=ScanClock)

    def __iter__(self) -> Iterator[Batch]:
        before: pd.Timestamp | None = None
        for _, minutes in self.minutes.groupby("closes_at", sort=True):
            now: pd.Timestamp = minutes["closes_at"].iloc[0]
            if self.speed is not None and before is not None:
                yield from self._pause(before, (now - before).total_seconds() / self.speed)
            yield Batch(minutes, now, self.clock.perf())
            before = now

    def _pause(self, since: pd.Timestamp, seconds: float) -> Iterator[Batch]:
        left = seconds
        while left > 0:
            step = min(left, BEAT_SECONDS)
            self.clock.sleep(step)
            left -= step
            shown = since + pd.Timedelta(seconds=(seconds - left) * (self.speed or 1.0))
            if left > 0:
                yield Batch(self.minutes.iloc[:0], shown, self.clock.perf())


class Poll(Protocol):
    """Asks a vendor for bars."""

    def bars(self, day: date, since: pd.Timestamp) -> pd.DataFrame:
        """Return the bars opened at or after a moment, in the columns of a page."""


@dataclass(frozen=True, slots=True, eq=False)
class LiveFeed:
    """A vendor, asked after each minute's close until the session's last bar is there.

    The first answer holds the whole session so far: from it a scan that was stopped rebuilds what
    it knew.
    """

    poll: Poll
    vendor: str
    hours: ScanSession
    config: ScanConfig
    clock: ScanClock = field(default_factory=ScanClock)
    is_once: bool = False

    def __iter__(self) -> Iterator[Batch]:
        newest: pd.Timestamp | None = None
        next_at = self.hours.opens_at + MINUTE
        nothing = live_minutes(pd.DataFrame(), self.hours, self.vendor, self.hours.opens_at)
        is_known = False
        while True:
            now = self.clock.now()
            if self.is_once or now >= next_at:
                since = self.hours.opens_at
                if newest is not None:
                    since = max(since, newest - LATE_MINUTES * MINUTE)
                problem, minutes = "", nothing
                try:
                    rows = self.poll.bars(self.hours.session_date.date(), since)
                except VendorError as error:
                    problem = str(error)
                except InputError as error:
                    # A key that worked a minute ago is no reason to leave the session unwatched.
                    if not is_known:
                        raise
                    problem = str(error)
                else:
                    is_known = True
                    now = self.clock.now()
                    minutes = live_minutes(rows, self.hours, self.vendor, now)
                if len(minutes):
                    newest = max(newest or minutes["closes_at"].max(), minutes["closes_at"].max())
                yield Batch(minutes, now, self.clock.perf(), problem)
                if self.is_once or (newest is not None and newest >= self.hours.closes_at):
                    return
                pause = pd.Timedelta(seconds=self.config.poll_seconds)
                closed = now.floor("min")
                is_whole = newest is not None and newest >= closed
                next_at = closed + MINUTE + pause if is_whole else now + pause
            else:
                yield Batch(nothing, now, self.clock.perf())
            # What has not come by then would be withheld as late anyway.
            patience = pd.Timedelta(seconds=self.config.stale_after_seconds)
            if now >= self.hours.closes_at + patience:
                return
            wait = (next_at - self.clock.now()).total_seconds()
            self.clock.sleep(min(BEAT_SECONDS, max(wait, 0.01)))
