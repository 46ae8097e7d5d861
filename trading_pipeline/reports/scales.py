"""From data to pixels: scales, and the few round ticks an axis shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Kind = Literal["linear", "log", "time"]
Formatter = Callable[[float], str]
NANOSECONDS_PER_DAY = 86_400_000_000_000


@dataclass(frozen=True)
class Tick:
    """A value of the data and how it is written."""

    value: float
    label: str


@dataclass(frozen=True)
class Scale:
    """A monotone map from [low, high] to pixels [start, stop]."""

    low: float
    high: float
    start: float
    stop: float
    kind: Kind = "linear"

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels of data values; missing stays missing."""
        numbers = np.asarray(values, dtype="float64")
        low, high = self.low, self.high
        if self.kind == "log":
            numbers, low, high = np.log(numbers), float(np.log(low)), float(np.log(high))
        return self.start + (numbers - low) / (high - low) * (self.stop - self.start)

    def at(self, value: float) -> float:
        """Return the pixel of one value."""
        return float(self(value))


def day_numbers(dates: Any) -> NDArray[np.float64]:
    """Return days since 1970 (fractions for times of day); missing dates become NaN."""
    stamps = pd.DatetimeIndex(pd.to_datetime(dates))
    if stamps.tz is not None:
        stamps = stamps.tz_convert("UTC").tz_localize(None)
    instants = stamps.to_numpy("datetime64[ns]")
    days = instants.astype("int64") / NANOSECONDS_PER_DAY
    return np.asarray(np.where(np.isnat(instants), np.nan, days), dtype="float64")


def padded_range(*values: ArrayLike, include: tuple[float, ...] = ()) -> tuple[float, float]:
    """Return a range that holds all finite values and `include`, and is never empty."""
    joined = np.concatenate([np.ravel(np.asarray(v, dtype="float64")) for v in (*values, include)])
    finite = joined[np.isfinite(joined)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    pad = (high - low) * 0.05 or abs(high) * 0.05 or 0.5
    return low - pad, high + pad


def round_step(span: float, n: int) -> float:
    """Return the 1-2-2.5-5 step that cuts a span in about `n` pieces."""
    raw = span / max(n, 1)
    magnitude = 10.0 ** np.floor(np.log10(raw))
    return float(next(f * magnitude for f in (1, 2, 2.5, 5, 10) if f * magnitude >= raw * 0.999))


def linear_ticks(scale: Scale, n: int, write: Formatter) -> list[Tick]:
    """Return about `n` ticks at round values inside the scale."""
    step = round_step(scale.high - scale.low, n)
    if write is count and step != round(step):
        # Between whole numbers there is nothing to mark.
        step = 1.0 if step < 1 else 2 * step
    first = np.ceil(scale.low / step - 1e-9)
    last = np.floor(scale.high / step + 1e-9)
    # Adding zero turns -0.0 into 0.0.
    values = [round(float(k * step), 12) + 0.0 for k in np.arange(first, last + 1)]
    if write is not plain:
        return [Tick(value, write(value)) for value in values]
    digits = max(len(f"{value:.10f}".rstrip("0").split(".")[1]) for value in values)
    return [Tick(value, f"{value:,.{digits}f}") for value in values]


def log_ticks(scale: Scale, n: int, write: Formatter) -> list[Tick]:
    """Return ticks at 1, 2 and 5 of each decade, or round linear ones on a short scale."""
    decades = np.arange(np.floor(np.log10(scale.low)), np.ceil(np.log10(scale.high)) + 1)
    values = [float(m * 10.0**d) for d in decades for m in (1, 2, 5)]
    inside = [v for v in values if scale.low <= v <= scale.high]
    if len(inside) < 3:
        return linear_ticks(scale, n, write)
    return [Tick(value, write(value)) for value in inside]


_TIME_STEPS: tuple[tuple[str, int, str, float], ...] = (
    ("D", 1, "%d %b", 1),
    ("D", 2, "%d %b", 2),
    ("W-MON", 1, "%d %b", 7),
    ("W-MON", 2, "%d %b", 14),
    ("MS", 1, "%b %Y", 30.4),
    ("MS", 2, "%b %Y", 60.9),
    ("QS-JAN", 1, "%b %Y", 91.3),
    ("QS-JAN", 2, "%b %Y", 182.6),
    ("YS-JAN", 1, "%Y", 365.25),
    ("YS-JAN", 2, "%Y", 730.5),
    ("YS-JAN", 5, "%Y", 1826.25),
    ("YS-JAN", 10, "%Y", 3652.5),
)


def time_ticks(scale: Scale, n: int) -> list[Tick]:
    """Return at most `n` ticks at natural calendar steps inside a scale of day numbers."""
    days = scale.high - scale.low
    alias, every, pattern, _ = next(
        (step for step in _TIME_STEPS if days / step[3] <= n), _TIME_STEPS[-1]
    )
    first, last = (pd.Timestamp(0) + pd.Timedelta(days=d) for d in (scale.low, scale.high))
    dates = pd.date_range(first.normalize(), last, freq=alias)
    dates = dates[dates.year % every == 0] if alias == "YS-JAN" else dates[::every]
    return [
        Tick(value, date.strftime(pattern))
        for value, date in zip(day_numbers(dates), dates, strict=True)
        if scale.low <= value <= scale.high
    ]


def thin(n_points: int, limit: int) -> NDArray[np.intp]:
    """Return evenly spread positions, first and last included: at most `limit` of them."""
    if n_points <= limit:
        return np.arange(n_points)
    return np.unique(np.linspace(0, n_points - 1, limit).round().astype(np.intp))


def count(value: float) -> str:
    """Write a whole number: 12,345; short above a million."""
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} m"
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """Write a fraction as percent, with a decimal only where it is needed."""
    shown = round(value * 100, 1)
    written = f"{shown:.0f} %" if shown == round(shown) else f"{shown:.1f} %"
    return written.replace("-", "−")


def plain(value: float) -> str:
    """Write a number with up to four significant digits."""
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
