"""Finds the falls of one session with their features: the one function of history, replay and live.

`SessionScan` holds the session's minutes in a grid and walks it with `kernels.scan_session`. Bars
may come one minute at a time or a whole day at once: what is known of an event rests on bars that
closed by its `detected_at`, so the rows are the same, bit for bit.

Rules. Only regular minutes count; extended-hours bars are left out. The session's open is the open
of its first regular bar; a later first bar than `late_open_minutes` marks every fall of the day
`late_open`. A minute without a bar is missing, never filled. `halt_minutes` or more without a bar
right before the fall's bar mark it `after_halt`; a low further below its own bar's body than
`lone_tick_frac` is one bad print, `lone_tick`. An opening gap is no fall: falls count from the
session's own open. Half-days are short sessions of the calendar.

A late bar, one that comes after later bars were seen, is entered at its own minute, and so counts
for what is told from then on; what was told stays as it was told, and nothing is told twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.bars.sessions import part_of_session, session_table
from trading_pipeline.domain.bars.spreads import half_tick_bps
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.trade_kernels import add_distances
from trading_pipeline.domain.selloffs.trade_rule import rule_numbers

MINUTE_NS = 60_000_000_000
# Regular minutes of New York lie within one UTC day: that of their session.
DAY_MINUTES = 1440
QUALITIES = ("clean", "late_open", "after_halt", "lone_tick")
EVENT_COLUMNS = (
    "symbol", "session_date", "rung", "detected_at", "session_open", "low", "close", "volume",
    "drop_frac", "is_first", "quality", "n_missing_minutes",
)  # fmt: skip
# Of the kernel's numbers, by column.
_NUMBERS = {
    "high_52w_distance_frac": k.HIGH_52W_DISTANCE,
    "low_52w_distance_frac": k.LOW_52W_DISTANCE,
    "place_in_52w_range": k.PLACE_IN_52W,
    "sma_20_distance_frac": k.SMA_20_DISTANCE,
    "sma_50_distance_frac": k.SMA_50_DISTANCE,
    "sma_200_distance_frac": k.SMA_200_DISTANCE,
    "index_change_today_frac": k.INDEX_CHANGE,
    "gap_frac": k.GAP,
    "prior_return_frac": k.PRIOR_RETURN,
    "return_5d_frac": k.RETURN_5D,
    "atr_14_frac": k.ATR_FRAC,
    "volume_ratio": k.VOLUME_RATIO,
    "bar_volume_ratio": k.BAR_VOLUME_RATIO,
    "fall_per_minute_frac": k.FALL_PER_MINUTE,
    "change_5m_frac": k.CHANGE_5M,
    "change_15m_frac": k.CHANGE_15M,
    "minutes_from_high": k.FROM_HIGH,
    "vwap_distance_frac": k.VWAP_DISTANCE,
    "realised_volatility": k.REALISED,
    "bar_place": k.BAR_PLACE,
    "down_minutes_frac": k.DOWN_MINUTES,
    "sector_change_today_frac": k.SECTOR_CHANGE,
    "market_breadth_frac": k.BREADTH,
    "market_selloff_frac": k.SELLOFF_SHARE,
    "spread_level_bps": k.MEAN_SPREAD,
    "half_spread_bps": k.HALF_SPREAD,
    "stop_distance_frac": k.STOP_DISTANCE,
    "target_distance_frac": k.TARGET_DISTANCE,
    "reward_to_risk": k.REWARD_TO_RISK,
}
_FLAGS = {"is_above_sma_200": k.ABOVE_SMA_200, "has_golden_cross": k.HAS_CROSS}
FEATURE_COLUMNS = (
    "symbol", "session_date", "rung", "detected_at", "session", "session_open", "low", "drop_frac",
    "high_52w_distance_frac", "low_52w_distance_frac", "place_in_52w_range",
    "sma_20_distance_frac", "sma_50_distance_frac", "sma_200_distance_frac", "is_above_sma_200",
    "has_golden_cross", "index_change_today_frac", "vix_last_session", "hour", "minute",
    "time_bucket", "minutes_since_open", "minutes_to_close", "gap_frac", "prior_return_frac",
    "return_5d_frac", "atr_14_frac", "volume_ratio", "bar_volume_ratio", "fall_per_minute_frac",
    "change_5m_frac", "change_15m_frac", "minutes_from_high", "vwap_distance_frac",
    "realised_volatility", "bar_place", "down_minutes_frac", "sector_change_today_frac",
    "market_breadth_frac", "market_selloff_frac", "half_spread_bps", "stop_distance_frac",
    "target_distance_frac", "reward_to_risk", "spread_level_bps",
)  # fmt: skip
SCAN_COLUMNS = tuple(dict.fromkeys((*EVENT_COLUMNS, *FEATURE_COLUMNS)))


@dataclass(frozen=True)
class SessionContext:
    """What is known before a session opens, per symbol; made by `context.ContextBook`.

    `symbols` are sorted. `levels` is (symbols, N_LEVELS), `curves` (sessions, symbols, minutes),
    `spread_shape` by minute of the session. `vix` is the close of the session before, or NaN.
    """

    session_date: pd.Timestamp
    session: int
    opens_at: pd.Timestamp
    n_minutes: int
    symbols: NDArray[np.object_]
    is_equity: NDArray[np.bool_]
    sector: NDArray[np.int64]
    index_at: int
    levels: NDArray[np.float64]
    curves: NDArray[np.float64]
    spread_shape: NDArray[np.float64]
    vix: float


@dataclass(frozen=True)
class Found:
    """Events as the kernel wrote them, of one session."""

    keys: NDArray[np.int64]
    numbers: NDArray[np.float64]
    context: SessionContext


class Walker:
    """Settings as the kernel takes them, and room for what it finds."""

    def __init__(self, config: SelloffsConfig, n_symbols: int) -> None:
        self.rungs = np.array(sorted(set(config.rungs)), dtype="float64")
        self.limits = np.array(
            [config.late_open_minutes, config.halt_minutes, config.lone_tick_frac], "float64"
        )
        self.rule = rule_numbers(config.trade)
        room = n_symbols * self.rungs.size
        self._keys = np.zeros((room, k.N_KEYS), dtype="int64")
        self._numbers = np.full((room, k.N_NUMBERS), np.nan)

    def nothing_told(self) -> NDArray[np.bool_]:
        """Return the marks of a session of which no event was given yet."""
        return np.zeros((len(self._keys) // self.rungs.size, self.rungs.size), dtype=bool)

    def walk(
        self, grid: NDArray[np.float64], told: NDArray[np.bool_], context: SessionContext
    ) -> Found:
        """Return the events of a grid that are not told yet, and mark them as told."""
        n = k.scan_session(
            grid,
            context.n_minutes,
            told,
            self.rungs,
            self.limits,
            context.is_equity,
            context.sector,
            context.index_at,
            context.levels,
            context.spread_shape,
            context.curves,
            context.session,
            self._keys,
            self._numbers,
        )
        keys, numbers = self._keys[:n].copy(), self._numbers[:n].copy()
        rungs = self.rungs[keys[:, k.RUNG]]
        falls = np.column_stack([numbers[:, k.BAR_LOW], numbers[:, k.SESSION_OPEN], rungs])
        distances = np.empty((n, 3))
        add_distances(numbers[:, k.BAR_CLOSE].copy(), falls, self.rule, distances)
        numbers[:, k.STOP_DISTANCE : k.REWARD_TO_RISK + 1] = distances
        # What a session's mean is known to be has no floor; what is paid at a price has.
        tick = half_tick_bps(numbers[:, k.BAR_CLOSE])
        numbers[:, k.HALF_SPREAD] = np.maximum(numbers[:, k.HALF_SPREAD], tick)
        return Found(keys, numbers, context)


class SessionScan:
    """One session's minutes so far, and which of its events were given."""

    def __init__(
        self, session_date: pd.Timestamp, context: SessionContext, config: SelloffsConfig
    ) -> None:
        """Raises InputError where the context is of another session.

        Everything is compiled and loaded here: the first minute is no slower than the others.
        """
        if pd.Timestamp(session_date) != context.session_date:
            raise InputError(
                f"the context is of {context.session_date:%Y-%m-%d}, the scan of"
                f" {pd.Timestamp(session_date):%Y-%m-%d}; build the context of that session"
            )
        self.context = context
        n_symbols = len(context.symbols)
        self._walker = Walker(config, n_symbols)
        self._grids = np.full((1, k.N_PRICES, n_symbols, context.n_minutes), np.nan)
        self._told = self._walker.nothing_told()
        self._index = pd.Index(context.symbols)
        self._open_ns = context.opens_at.value
        self._nothing = found_frame([], self.rungs)
        if n_symbols:
            # The first event of a process loads time zones: not in the middle of a fall.
            keys, numbers = np.zeros((1, k.N_KEYS), "int64"), np.ones((1, k.N_NUMBERS))
            self._nothing = found_frame([Found(keys, numbers, context)], self.rungs).iloc[:0]
        self.advance(_NO_MINUTES)

    def advance(self, minutes: pd.DataFrame) -> pd.DataFrame:
        """Return the events that these bars show and that were not given before (SCAN_COLUMNS).

        Args:
            minutes: symbol, opens_at, open, high, low, close, volume, in any order; rows that
                `is_regular` denies, of other sessions or of symbols without context are left out.
                A bar that comes again takes the place of the one before.

        Sorted by detected_at, symbol, rung.
        """
        if "is_regular" in minutes.columns:
            minutes = minutes[minutes["is_regular"].to_numpy(bool)]
        opens = pd.DatetimeIndex(minutes["opens_at"]).as_unit("ns").astype("int64").to_numpy()
        symbol = self._index.get_indexer(pd.Index(minutes["symbol"]))
        fill_grids(
            self._grids,
            np.zeros(len(minutes), dtype="int64"),
            symbol.astype("int64"),
            (opens - self._open_ns) // MINUTE_NS,
            minutes,
        )
        found = self._walker.walk(self._grids[0], self._told, self.context)
        if not len(found.keys):
            return self._nothing.copy()
        return found_frame([found], self.rungs)

    @property
    def rungs(self) -> NDArray[np.float64]:
        """The rungs in rising order."""
        return self._walker.rungs


_NO_MINUTES = pd.DataFrame(
    {
        "symbol": pd.Series(dtype="object"),
        "opens_at": pd.Series(dtype="datetime64[ns, UTC]"),
        **{name: pd.Series(dtype="float64") for name in ("open", "high", "low", "close", "volume")},
    }
)


def fill_grids(
    grids: NDArray[np.float64],
    session: NDArray[np.int64],
    symbol: NDArray[np.int64],
    minute: NDArray[np.int64],
    bars: pd.DataFrame,
) -> None:
    """Put bars (open, high, low, close, volume) at their place in `grids`; see the kernel."""
    names = ("open", "high", "low", "close", "volume")
    prices = [np.ascontiguousarray(bars[name].to_numpy("float64")) for name in names]
    k.fill_grids(grids, session, symbol, minute, *prices)


def found_frame(found: Sequence[Found], rungs: NDArray[np.float64]) -> pd.DataFrame:
    """Return events of any number of sessions (SCAN_COLUMNS), by detected_at, symbol and rung."""
    n_events = [len(part.keys) for part in found]
    keys = np.concatenate([np.empty((0, k.N_KEYS), "int64"), *(part.keys for part in found)])
    numbers = np.concatenate([np.empty((0, k.N_NUMBERS)), *(part.numbers for part in found)])

    def per_event(values: Sequence[object], kind: str) -> NDArray[np.generic]:
        return np.repeat(np.array(values, dtype=kind), n_events)

    dates = per_event([part.context.session_date.to_datetime64() for part in found], "M8[ns]")
    opens = per_event([part.context.opens_at.value for part in found], "int64").astype("int64")
    lengths = per_event([part.context.n_minutes for part in found], "int64").astype("int64")
    symbols = [part.context.symbols[part.keys[:, k.SYMBOL]] for part in found]
    since_open = keys[:, k.MINUTE] + 1
    detected = pd.DatetimeIndex(opens + since_open * MINUTE_NS, tz="UTC")
    local = detected.tz_convert("America/New_York")
    to_close = lengths - since_open
    drop = numbers[:, k.BAR_LOW] / numbers[:, k.SESSION_OPEN] - 1.0
    columns = {
        "symbol": np.concatenate([np.empty(0, object), *symbols]),
        "session_date": dates,
        "rung": rungs[keys[:, k.RUNG]],
        "detected_at": detected,
        "session_open": numbers[:, k.SESSION_OPEN],
        "low": numbers[:, k.BAR_LOW],
        "close": numbers[:, k.BAR_CLOSE],
        "volume": numbers[:, k.BAR_VOLUME],
        "drop_frac": drop,
        "is_first": keys[:, k.RUNG] == 0,
        "quality": np.array(QUALITIES, dtype=object)[keys[:, k.QUALITY]],
        "n_missing_minutes": keys[:, k.N_MISSING],
        "session": per_event([part.context.session for part in found], "int64"),
        "vix_last_session": per_event([part.context.vix for part in found], "float64"),
        "hour": local.hour.to_numpy("int64"),
        "minute": local.minute.to_numpy("int64"),
        "time_bucket": part_of_session(since_open, to_close),
        "minutes_since_open": since_open,
        "minutes_to_close": to_close,
        **{name: numbers[:, place] for name, place in _NUMBERS.items()},
        **{name: _flag(numbers[:, place]) for name, place in _FLAGS.items()},
    }
    frame = pd.DataFrame({name: columns[name] for name in SCAN_COLUMNS})
    return frame.sort_values(["detected_at", "symbol", "rung"], ignore_index=True)


def _flag(values: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return numbers as flags that may be missing."""
    flags = np.full(values.shape, None, dtype=object)
    known = ~np.isnan(values)
    flags[known] = values[known] > 0
    return flags


@dataclass(frozen=True)
class SessionHours:
    """Hours of one session of the calendar."""

    session: int
    opens_at: pd.Timestamp
    n_minutes: int


def hours_of(session_date: pd.Timestamp) -> SessionHours:
    """Return a session's hours. Raises InputError where the exchange is closed that day."""
    hours = _all_hours().get(pd.Timestamp(session_date))
    if hours is None:
        raise InputError(f"{session_date:%Y-%m-%d} is no session of the exchange; name another day")
    return hours


@lru_cache(maxsize=1)
def _all_hours() -> dict[pd.Timestamp, SessionHours]:
    table = session_table()
    spans = (table["closes_at"] - table["opens_at"]).to_numpy("m8[m]")
    lengths = spans.astype("int64").tolist()
    rows = zip(table["session_date"], table["session"], table["opens_at"], lengths, strict=True)
    return {day: SessionHours(int(n), opens_at, length) for day, n, opens_at, length in rows}


def opening_minutes(sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the openings of sessions (ordinals) in minutes since 1970, UTC."""
    opens = session_table()["opens_at"].astype("int64").to_numpy("int64")
    return (opens[sessions] // MINUTE_NS).astype("int64")
