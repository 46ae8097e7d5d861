"""Limits of a fetch: the time set for it, and how often a vendor may be asked in a minute."""

import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.contracts.errors import VendorDeadlineError

WINDOW_SECONDS = 60.0
# A vendor's clock may run a little faster than ours.
_MARGIN_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as a fetch sees it: seconds that never run back, seconds since 1970, and waiting."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


class Deadline:
    """The total time of one ingest, all vendors together."""

    def __init__(self, seconds: float, clock: Clock | None = None) -> None:
        self.seconds = seconds
        self.clock = clock or Clock()
        self._end = self.clock.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left; never below 0."""
        return max(0.0, self._end - self.clock.monotonic())

    def sleep(self, seconds: float, why: str) -> None:
        """Wait; VendorDeadlineError at once where the wait would not end in time."""
        if seconds >= self.remaining():
            raise VendorDeadlineError(
                f"{why} for {seconds:.0f} s, but only {self.remaining():.0f} of"
                f" {self.seconds:.0f} s are left; run it again to go on from there, or raise"
                " vendors.deadline_seconds"
            )
        self.clock.sleep(seconds)


class RateLimiter:
    """Keeps any 60 seconds at the vendor at or below the plan's number of requests.

    A request may reach the vendor at any moment between its sending and its end, so a place is
    taken from the first and given back 60 seconds after the second. Sendings and ends are
    written to `path`, so that a process started after a kill keeps the limit too. One request is
    under way at a time.
    """

    def __init__(self, per_minute: int, deadline: Deadline, path: Path | None = None) -> None:
        self.per_minute = per_minute
        self.deadline = deadline
        self.clock = deadline.clock
        self.path = path
        self._ends: deque[float] = deque()
        self._is_recalled = path is None

    def __enter__(self) -> None:
        """Wait for a place; VendorDeadlineError where none comes free in time."""
        if self.path is not None and not self._is_recalled:
            self._recall(self.path)
            self._is_recalled = True
        while True:
            now = self.clock.monotonic()
            while self._ends and self._ends[0] <= now - WINDOW_SECONDS - _MARGIN_SECONDS:
                self._ends.popleft()
            if len(self._ends) < self.per_minute:
                break
            # With the limit lowered since, more than one end must pass.
            first = self._ends[len(self._ends) - self.per_minute]
            wait = first + WINDOW_SECONDS + _MARGIN_SECONDS - now
            # Rounding must not leave a wait too small to move the clock.
            self.deadline.sleep(max(wait, 0.001), "the vendor's plan asks to wait")
        self._write("sent")

    def __exit__(self, *_: object) -> None:
        """Note the request's end, whatever came of it."""
        self._ends.append(self.clock.monotonic())
        self._write("done")

    def _write(self, what: str) -> None:
        if self.path is None:
            return
        with self.path.open("ab") as opened:
            opened.write(f"{what} {self.clock.wall():.3f}\n".encode())

    def _recall(self, path: Path) -> None:
        """Take over what the processes before this one asked in the last minute."""
        path.parent.mkdir(parents=True, exist_ok=True)
        wall, monotonic = self.clock.wall(), self.clock.monotonic()
        kept = []
        for at in _ends_of(path.read_text() if path.exists() else "", wall):
            age = wall - at
            if age <= WINDOW_SECONDS + _MARGIN_SECONDS:
                kept.append(at)
                self._ends.append(monotonic - age)
        draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        draft.write_text("".join(f"done {at:.3f}\n" for at in kept))
        os.replace(draft, path)


def _ends_of(text: str, now: float) -> list[float]:
    """Return when the noted requests ended, in order; one without an end may end only now."""
    if not text:
        return []
    ends = []
    is_under_way = False
    for line in text.splitlines():
        what, _, number = line.partition(" ")
        try:
            at = min(float(number), now)
        except ValueError:
            continue
        if what == "done":
            ends.append(at)
        is_under_way = what == "sent"
    if is_under_way or not text.endswith("\n"):
        ends.append(now)
    return sorted(ends)
