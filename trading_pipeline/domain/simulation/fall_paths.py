"""Minute paths of one session: quiet ones, and falls whose end is drawn before it is walked.

Prices are multiples of the session's open. The trade rule is that of the default settings: stop a
thousandth below the low or a quarter of the rung below the entry, whichever is lower; target half
the fall; entry at the open of the next bar or of the one after it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trading_pipeline.domain.simulation.fall_chance import FASTEST, SLOWEST
from trading_pipeline.domain.simulation.schedule import Floats

RUNGS = (0.02, 0.03, 0.05, 0.10, 0.15)
STOP_BELOW_LOW, STOP_RUNG_SHARE, TARGET_SHARE = 0.001, 0.25, 0.5
# What lies between two prices that must not be mistaken for each other after rounding.
CLEAR = 2e-4
FIRST_DETECTION, LAST_DETECTION_FRAC = 8, 0.6
LEFT_AFTER_DETECTION = 45  # [minutes] the last entry is 30 minutes before the close
LONGEST_WAY = 60  # [minutes] from the entry to stop or target
CONTINUES_FRAC = 0.5  # to the next rung
TIMED_OUT_FRAC = 0.25  # of the losers that do not: neither stop nor target by the close
MINUTE_SCALE = 0.0005
QUIET_SCALE = 0.0006
QUIET_LOWEST = 0.982


@dataclass(frozen=True, slots=True)
class Reached:
    """A rung that a path reached: the number of the bar, and which bar has the high before it."""

    rung: float
    bar: int
    minutes_from_high: int


@dataclass(frozen=True, slots=True)
class Fall(Reached):
    """A rung reached, the chance of reversal at that moment, and what then happened."""

    probability: float
    is_reversed: bool


class Path:
    """Open, high, low and close of a session's minutes, written from the first on."""

    def __init__(self, rng: np.random.Generator, n_minutes: int) -> None:
        self.rng, self.n, self.at = rng, n_minutes, 0
        self.last = 1.0
        self.bars: Floats = np.empty((4, n_minutes))

    @property
    def left(self) -> int:
        """Return how many minutes are not yet written."""
        return self.n - self.at

    def walk(self, end: float, n: int, low: float, high: float, scale: float) -> None:
        """Go to `end` in `n` bars: a Brownian bridge folded into [low, high], both held by bars."""
        if n <= 0:
            return
        share = np.arange(n + 1) / n
        noise = np.zeros(n + 1)
        noise[1:] = np.cumsum(self.rng.standard_normal(n)) * scale
        path = self.last + (end - self.last) * share + noise - noise[-1] * share
        place = np.mod((path - low) / (high - low), 2)
        path = low + np.minimum(place, 2 - place) * (high - low)
        path[0], path[-1] = self.last, end
        reach = np.abs(self.rng.standard_normal((2, n))) * scale * 0.4
        begin, stop = path[:-1], path[1:]
        part = self.bars[:, self.at : self.at + n]
        part[0], part[3] = begin, stop
        part[1] = np.minimum(np.maximum(begin, stop) + reach[0], high)
        part[2] = np.maximum(np.minimum(begin, stop) - reach[1], low)
        self.last, self.at = end, self.at + n

    def bar(self, close: float, low: float | None = None, high: float | None = None) -> None:
        """Write one bar from the last close, with a given low or high."""
        top, bottom = max(self.last, close), min(self.last, close)
        bar = (self.last, high if high is not None else top, low or bottom, close)
        self.bars[:, self.at] = bar
        self.last, self.at = close, self.at + 1


def quiet_path(rng: np.random.Generator, n_minutes: int, drift: float) -> Floats:
    """Return open, high, low, close (4, minutes) of a session that reaches no rung."""
    path = Path(rng, n_minutes)
    end = 1 + drift + 0.006 * float(np.clip(rng.standard_normal(), -2, 2))
    path.walk(max(end, QUIET_LOWEST + CLEAR), n_minutes, QUIET_LOWEST, 1.08, QUIET_SCALE)
    return path.bars


def falling_path(
    rng: np.random.Generator, n_minutes: int, chance: Callable[[Reached], float]
) -> tuple[Floats, list[Fall]]:
    """Return open, high, low, close (4, minutes) of a session that falls, and its falls.

    At each rung `chance` is asked with what is known by then, the outcome is drawn from its answer
    and the path goes on to the target or to the stop of either entry. Whatever the outcome, a coin
    tells whether the session falls to the next rung, where all is drawn anew: were it the losers
    alone that go deeper, the rung itself would foretell.
    """
    path = Path(rng, n_minutes)
    falls: list[Fall] = []
    _to_first_rung(path)
    for rung, lower in zip(RUNGS, (*RUNGS[1:], None), strict=True):
        reached = _reach(path, rung)
        probability = chance(reached)
        is_reversed = bool(rng.random() < probability)
        falls.append(Fall(rung, reached.bar, reached.minutes_from_high, probability, is_reversed))
        low = float(path.bars[2, reached.bar])
        target = low + TARGET_SHARE * (1 - low)
        stops = _wait(path, low, target, rung)
        way = int(rng.integers(3, max(4, min(LONGEST_WAY, path.left - 5))))
        down = int(rng.integers(5, 40))
        goes_on = bool(rng.random() < CONTINUES_FRAC)
        goes_on &= lower is not None and path.left - way - down > LEFT_AFTER_DETECTION
        if is_reversed:
            _reverse(path, way, low, target)
        else:
            _fail(path, way, target, low, stops, may_time_out=not goes_on)
        if not goes_on or lower is None:
            _rest(path, is_reversed, low, target, stops, lower)
            break
        edge = 1 - lower + CLEAR
        highest = max(path.last, target) + 0.002
        path.walk(edge + rng.uniform(0.0005, 0.002), down, edge, highest, MINUTE_SCALE)
    return path.bars, falls


def _to_first_rung(path: Path) -> None:
    """Rise to the day's high so far, then come down to just above the first rung."""
    rng = path.rng
    bar = int(rng.integers(FIRST_DETECTION, int(LAST_DETECTION_FRAC * path.n)))
    slow = int(min(bar, np.exp(rng.uniform(np.log(FASTEST), np.log(SLOWEST)))))
    floor = (1 - RUNGS[0]) + CLEAR
    if bar > slow:
        peak = 1 + rng.uniform(0.001, 0.008)
        path.walk(peak - CLEAR, bar - slow - 1, floor + 0.003, peak - CLEAR, MINUTE_SCALE)
        path.bar(peak - 2 * CLEAR, high=peak)
    above = path.last + CLEAR
    path.walk(floor + rng.uniform(0.0005, 0.002), bar - path.at, floor, above, MINUTE_SCALE)


def _reach(path: Path, rung: float) -> Reached:
    """Write the bar whose low reaches the rung, and tell what is known at its close."""
    low = 1 - rung - path.rng.uniform(1e-4, 0.002)
    path.bar(low + path.rng.uniform(1e-4, 0.002), low=low)
    bar = path.at - 1
    return Reached(rung, bar, bar - int(np.argmax(path.bars[1, : path.at])))


def _wait(path: Path, low: float, target: float, rung: float) -> tuple[float, float]:
    """Write the bar between both entries; return the lower and the higher of their stops."""
    first = path.last
    high = first + 0.2 * (target - first)
    end = low + path.rng.uniform(CLEAR, high - low)
    path.walk(end, 1, low + CLEAR / 2, high, MINUTE_SCALE)
    stops = [
        min(low * (1 - STOP_BELOW_LOW), entry * (1 - STOP_RUNG_SHARE * rung))
        for entry in (first, end)
    ]
    return min(stops), max(stops)


def _reverse(path: Path, way: int, low: float, target: float) -> None:
    """Write the way to the target and the bar that reaches it."""
    high = target * (1 - CLEAR)
    path.walk(high - path.rng.uniform(0, 0.001), way, low + CLEAR, high, MINUTE_SCALE)
    path.bar(target, high=target * (1 + path.rng.uniform(CLEAR, 0.002)))


def _fail(
    path: Path,
    way: int,
    target: float,
    low: float,
    stops: tuple[float, float],
    *,
    may_time_out: bool,
) -> None:
    """Write the way to the stop and the bar that reaches it, or a way that ends between both."""
    rng = path.rng
    floor, ceiling = stops[1] + CLEAR, target - 0.1 * (target - low)
    if rng.random() < TIMED_OUT_FRAC and may_time_out:
        end = floor + rng.uniform(0.1, 0.9) * (ceiling - floor)
        path.walk(end, path.left, floor, ceiling, MINUTE_SCALE)
        return
    path.walk(floor + rng.uniform(CLEAR, 0.001), way, floor, ceiling, MINUTE_SCALE)
    hit = stops[0] * (1 - rng.uniform(CLEAR, 0.001))
    path.bar(hit + rng.uniform(CLEAR, 0.001), low=hit)


def _rest(
    path: Path,
    is_reversed: bool,
    low: float,
    target: float,
    stops: tuple[float, float],
    lower: float | None,
) -> None:
    """Write what is left of the session; it stays above the next rung, `lower`."""
    if is_reversed:
        end = target + path.rng.uniform(-0.3, 1.2) * (1 - target)
        path.walk(end, path.left, low + CLEAR, 1.04, MINUTE_SCALE)
        return
    floor = 1 - lower + CLEAR if lower is not None else stops[0] - 0.02
    end = path.last + path.rng.uniform(0, 0.9) * (1 - path.last)
    path.walk(end, path.left, floor, 1.01, MINUTE_SCALE)
