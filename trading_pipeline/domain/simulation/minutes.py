"""Minute bars and quotes inside daily bars: a session opens, turns and closes where its day did."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.simulation.schedule import Flags, Floats, random_stream

PRICE_DECIMALS = 6
MISSING_FRAC = 0.006
HALT_FRAC = 0.03
HALT_MINUTES = 10
# Streams of this module; each session draws from its own, so sessions can be appended.
MINUTE_STREAM, QUOTE_STREAM, SAMPLE_STREAM = 20, 21, 22


@dataclass(frozen=True, slots=True)
class DayBars:
    """The daily bars of one session: arrays of shape (symbols,), prices in USD, raw."""

    symbols: NDArray[np.object_]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


@dataclass(frozen=True, slots=True)
class MinuteBars:
    """Arrays of shape (symbols, minutes); `is_kept` is false where the minute is missing."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    is_kept: Flags


def minute_bars(rng: np.random.Generator, day: DayBars, n_minutes: int) -> MinuteBars:
    """Return minutes whose first open, highest high, lowest low and last close are the day's.

    A Brownian bridge through open, the two turning points and close, folded back into the day's
    range. After a falling day the high tends to come first. Up to one minute in a hundred is
    missing, and some days hold a halt of ten minutes; never the minutes that make the day's bar.
    """
    n, last = len(day.symbols), n_minutes
    rows = np.arange(n)[:, None]
    early, late = np.sort(1 + (last - 3) * rng.beta(0.7, 0.9, (n, 2)), axis=1).astype("int64").T
    late = np.where(late == early, late + 1, late)
    low_first = (rng.random(n) < 0.75) == (day.close > day.open)
    turns = np.where(low_first, [day.low, day.high], [day.high, day.low])
    knots = np.stack([np.zeros(n, dtype="int64"), early, late, np.full(n, last)], axis=1)
    values = np.stack([day.open, turns[0], turns[1], day.close], axis=1)

    width = (day.high - day.low)[:, None]
    scale = width * 0.7 / np.sqrt(n_minutes)
    noise = np.zeros((n, last + 1))
    noise[:, 1:] = np.cumsum(rng.standard_normal((n, last)), axis=1) * scale
    column = np.arange(last + 1)
    part = (column >= early[:, None]).astype("int64") + (column >= late[:, None])
    begin, end = knots[rows, part], knots[rows, part + 1]
    share = (column - begin) / (end - begin)
    free = values - np.take_along_axis(noise, knots, axis=1)
    path = noise + free[rows, part] * (1 - share) + free[rows, part + 1] * share
    place = np.mod((path - day.low[:, None]) / np.maximum(width, 1e-12), 2)
    path = day.low[:, None] + np.minimum(place, 2 - place) * width
    np.put_along_axis(path, knots, values, axis=1)

    opening, close = path[:, :-1], path[:, 1:]
    reach = np.abs(rng.standard_normal((2, n, last))) * scale * 0.5
    high = np.minimum(np.maximum(opening, close) + reach[0], day.high[:, None])
    low = np.maximum(np.minimum(opening, close) - reach[1], day.low[:, None])
    # Trading is busiest after the open and before the close.
    clock = np.linspace(-1, 1, last)
    weight = (0.5 + clock**2) * np.exp(0.5 * rng.standard_normal((n, last)))
    weight = weight * (1 + np.abs(close - opening) / np.maximum(scale, 1e-12))
    volume = day.volume[:, None] * weight / weight.sum(axis=1, keepdims=True)

    halt = rng.integers(30, last - 30, n)[:, None]
    halted = (rng.random((n, 1)) < HALT_FRAC) & (column[:-1] >= halt)
    halted &= column[:-1] < halt + HALT_MINUTES
    is_kept = (rng.random((n, last)) >= MISSING_FRAC) & ~halted
    for needed in (knots[:, 1:] - 1, knots[:, :-1]):
        np.put_along_axis(is_kept, needed, True, axis=1)
    return MinuteBars(
        open=np.round(opening, PRICE_DECIMALS),
        high=np.round(high, PRICE_DECIMALS),
        low=np.round(low, PRICE_DECIMALS),
        close=np.round(close, PRICE_DECIMALS),
        volume=np.maximum(np.rint(volume), 1.0),
        is_kept=is_kept,
    )


def quote_columns(rng: np.random.Generator, bars: MinuteBars) -> dict[str, Floats]:
    """Return bid and offer columns, each of shape (symbols, minutes): half a spread off the trade.

    The spread is 1 to 6 bps by symbol, wider in the first minutes; sizes are round lots.
    """
    n, n_minutes = bars.close.shape
    opening_rush = 1 + 2 * np.exp(-np.arange(n_minutes) / 10)
    half = rng.uniform(0.5e-4, 3e-4, (n, 1)) * opening_rush
    half = half * np.exp(0.3 * rng.standard_normal((n, n_minutes)))
    columns: dict[str, Floats] = {}
    for side, sign in (("bid", -1), ("ask", 1)):
        for name in ("open", "high", "low", "close"):
            quote = getattr(bars, name) * (1 + sign * half)
            columns[f"{side}_{name}"] = np.round(quote, PRICE_DECIMALS)
        lots = 1 + rng.poisson(4.0, (n, n_minutes))
        columns[f"{side}_size"] = lots.astype("float64") * 100
    return columns


def intraday_frames(
    seed: int, days: list[tuple[pd.Timestamp, DayBars]], with_quotes: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return minute bars and quotes of the given sessions, sorted by symbol and ts.

    Each entry of `days` is a session date and its daily bars. Columns of the bars: symbol, ts
    (naive UTC start of the minute), open, high, low, close, volume; of the quotes, the same keys
    with bid_* and ask_*. Raises ValueError where a date is no session.
    """
    table = session_table()
    bars_parts: list[dict[str, NDArray[np.generic]]] = []
    quote_parts: list[dict[str, NDArray[np.generic]]] = []
    for date, day in days:
        ordinal = int(session_ordinals(pd.DatetimeIndex([date]))[0])
        if ordinal < 0:
            raise ValueError(f"{date.date()} is no session of the exchange")
        opens_at = table["opens_at"].iloc[ordinal]
        n_minutes = int((table["closes_at"].iloc[ordinal] - opens_at) / pd.Timedelta(minutes=1))
        bars = minute_bars(random_stream(seed, MINUTE_STREAM, ordinal), day, n_minutes)
        number, minute = np.nonzero(bars.is_kept)
        first = opens_at.tz_localize(None).to_datetime64().astype("datetime64[ns]")
        keys = {
            "symbol": day.symbols[number],
            "ts": first + minute.astype("timedelta64[m]"),
        }
        kept = bars.is_kept
        names = ("open", "high", "low", "close", "volume")
        bars_parts.append({**keys, **{name: getattr(bars, name)[kept] for name in names}})
        if with_quotes:
            columns = quote_columns(random_stream(seed, QUOTE_STREAM, ordinal), bars)
            quote_parts.append({**keys, **{name: c[kept] for name, c in columns.items()}})
    return joined(bars_parts, BAR_COLUMNS), joined(quote_parts, QUOTE_COLUMNS)


BAR_COLUMNS = ("symbol", "ts", "open", "high", "low", "close", "volume")
QUOTE_COLUMNS = (
    "symbol",
    "ts",
    *(f"bid_{name}" for name in ("open", "high", "low", "close", "size")),
    *(f"ask_{name}" for name in ("open", "high", "low", "close", "size")),
)


def joined(parts: list[dict[str, NDArray[np.generic]]], columns: tuple[str, ...]) -> pd.DataFrame:
    """Return the parts as one frame, sorted by symbol and ts; empty but typed without parts."""
    if not parts:
        kinds: dict[str, str] = {"symbol": "object", "ts": "datetime64[ns]"}
        return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "float64")) for name in columns})
    frame = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in columns})
    return frame.sort_values(["symbol", "ts"], ignore_index=True, kind="stable")


def simulate_minutes(
    symbols: tuple[str, ...], sessions: pd.DatetimeIndex, seed: int
) -> pd.DataFrame:
    """Return minute bars of fictitious symbols without a daily market around them.

    Columns symbol, ts (UTC start of the minute), open, high, low, close [USD], volume [shares].
    About one day in six falls by 2 to 7 % from its open and takes back part of it; the others
    are quiet. Same symbols, sessions and seed: same bars. Raises ValueError where a date is no
    session.
    """
    n = len(symbols)
    rng = random_stream(seed, SAMPLE_STREAM)
    close = rng.uniform(30.0, 300.0, n)
    days: list[tuple[pd.Timestamp, DayBars]] = []
    for date in sessions:
        opening = close * np.exp(0.006 * rng.standard_normal(n))
        fall = np.where(rng.random(n) < 0.16, rng.uniform(0.02, 0.07, n), rng.uniform(0, 0.015, n))
        low = opening * (1 - np.maximum(fall, 0.001))
        taken_back = rng.beta(1.2, 1.6, n)
        rise = rng.uniform(0.001, 0.015, n)
        high = opening * (1 + rise)
        quiet_close = low + rng.uniform(0.05, 0.95, n) * (high - low)
        sold_close = low + taken_back * (opening - low)
        close = np.where(fall >= 0.02, sold_close, quiet_close)
        volume = np.rint(np.exp(13.5 + 0.3 * rng.standard_normal(n)) * (1 + 20 * fall))
        day = DayBars(
            symbols=np.array(symbols, dtype=object),
            open=np.round(opening, PRICE_DECIMALS),
            high=np.round(high, PRICE_DECIMALS),
            low=np.round(low, PRICE_DECIMALS),
            close=np.round(close, PRICE_DECIMALS),
            volume=volume,
        )
        days.append((date, day))
    return intraday_frames(seed, days, with_quotes=False)[0]
