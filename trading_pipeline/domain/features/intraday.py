"""features.intraday: one row per interval, symbol and bar, one column per intraday feature.

`IntradayState.advance` takes minutes as they come, a whole history or the newest alone, and gives
the bars that closed; however the minutes are divided, the rows are the same to the bit.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import IntradayFeaturesConfig
from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.bars.sessions import session_dates, session_table
from trading_pipeline.domain.features.intraday_lines import intraday_lines
from trading_pipeline.domain.features.intraday_registry import column_names

if TYPE_CHECKING:
    from trading_pipeline.domain.features.intraday_bars import Layout, Sessions
    from trading_pipeline.domain.features.intraday_kernels import Program

KEYS = ("interval_minutes", "symbol", "session_date", "opens_at", "closes_at", "known_at")
# Bins of a volume profile; prices beyond them join the outermost.
N_BINS = 512
NEVER = np.iinfo(np.int64).max
# Minutes computed at once where rows are handed on: a block of values small enough to be reused.
CHUNK_MINUTES = 200_000


class Minutes(NamedTuple):
    """Sorted minutes: symbol i, of `symbols`, has the rows [begins[i], begins[i + 1]).

    `ts` are UTC nanoseconds, rising within a symbol; `prices` are open, high, low, close, volume.
    """

    symbols: Sequence[str]
    begins: NDArray[np.int64]
    ts: NDArray[np.int64]
    prices: tuple[NDArray[np.float64], ...]


class ClosedBars(NamedTuple):
    """Bars by symbol and closing time: `symbol` is (n,), `keys` (n, 5), `prices` (n, 5), `values`
    (n, n_features); columns of `keys` and `prices` as `intraday_bars` names them. Prices are in
    shares of the symbol's first bar: splits since then are undone."""

    symbol: NDArray[np.int64]
    keys: NDArray[np.int64]
    prices: NDArray[np.float64]
    values: NDArray[np.float64]


def compute_intraday_set(
    minutes: pd.DataFrame,
    config: IntradayFeaturesConfig,
    actions: pd.DataFrame | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Return the intraday features of all minutes at 5, 10, 15 and 60 minutes.

    Args:
        minutes: symbol, opens_at (UTC), open, high, low, close, volume, as bars.minute, in any row
            order; minutes outside the regular session are left out. `symbol` may be categorical.
        config: Windows.
        actions: bars.corporate_actions, whose splits are undone; None where there are none.
        threads: Symbols are divided among them; the rows are the same for any number.

    Returns:
        interval_minutes, symbol, session_date, opens_at, closes_at, known_at, then one float64
        column per feature in the order of `column_names`, by symbol and closing time, the coarser
        first where bars close together. Missing is NaN.

    Raises:
        ValueError: A symbol's minute twice.
    """
    return IntradayState(config, actions, threads).advance(minutes)


def intraday_chunks(
    minutes: pd.DataFrame,
    config: IntradayFeaturesConfig,
    actions: pd.DataFrame | None = None,
    threads: int = 1,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of `compute_intraday_set` some symbols at a time, so that memory stays flat.

    The chunks in their order are the rows of the whole.
    """
    whole = sorted_minutes(minutes)
    first = 0
    while first < len(whole.symbols):
        reach = whole.begins[first] + CHUNK_MINUTES * threads
        last = max(first + 1, int(np.searchsorted(whole.begins, reach, side="right")) - 1)
        part = whole._replace(
            symbols=whole.symbols[first:last], begins=whole.begins[first : last + 1]
        )
        state = IntradayState(config, actions, threads)
        yield state.frame(state.advance_sorted(part))
        first = last


class IntradayState:
    """What the features remember of every symbol; feed it minutes in order of time.

    Prices and volumes are put into shares of a symbol's first bar by the ratio of every split from
    its ex_date on, so no earlier value changes when a split comes. A split that became known after
    its ex_date holds back `known_at` of the rows since; here it must be given from the start.
    """

    def __init__(
        self,
        config: IntradayFeaturesConfig,
        actions: pd.DataFrame | None = None,
        threads: int = 1,
    ) -> None:
        self.columns = column_names(config)
        self._layout, self._program, self._sizes = _made(config)
        self._splits = _splits(actions)
        self._threads = threads
        self._place: dict[str, int] = {}
        self._state, self._clock, self._memory, self._counts = (
            np.empty((0, size), kind)
            for size, kind in zip(self._sizes, (float, "int64", float, "int64"), strict=True)
        )
        self._until = 0

    def advance(self, minutes: pd.DataFrame, until: pd.Timestamp | None = None) -> pd.DataFrame:
        """Take the minutes after those taken before, and return the bars that closed.

        Args:
            minutes: As of `compute_intraday_set`.
            until: Instant (UTC) by which all minutes have come: bars that close after it stay
                open. None closes all: no minute of theirs may come later.

        Returns:
            As `compute_intraday_set`; symbols without new minutes stand last.

        Raises:
            ValueError: A symbol's minute twice, or one that belongs before what was taken.
        """
        closing = NEVER if until is None else int(until.as_unit("ns").value)
        return self.frame(self.advance_sorted(sorted_minutes(minutes), closing))

    def advance_sorted(self, minutes: Minutes, until: int = NEVER) -> ClosedBars:
        """Do the work of `advance` on arrays; `until` in UTC nanoseconds."""
        from trading_pipeline.domain.features.intraday_bars import LAST_MINUTE, count_bars

        self._make_room(minutes.symbols)
        minutes = self._with_silent(minutes)
        place = np.array([self._place[symbol] for symbol in minutes.symbols], dtype="int64")
        speaks = np.diff(minutes.begins) > 0
        first = minutes.ts[minutes.begins[:-1][speaks]]
        last = self._clock[place[speaks], LAST_MINUTE]
        if (first <= last).any() or (first < self._until).any():
            raise ValueError("minutes come before some that were taken already; feed them in order")
        # Without `until` the open bars are closed early, and no minute of theirs may follow.
        self._until = max(self._until, until if until != NEVER else 0)
        sessions = self._sessions(minutes.symbols)
        counts = count_bars(minutes.begins, minutes.ts, sessions, self._layout.intervals)
        shares = np.array_split(np.arange(place.size), min(self._threads, max(place.size, 1)))

        def work(share: NDArray[np.int64]) -> ClosedBars:
            return self._advance_share(minutes, share, place, sessions, counts, until)

        if len(shares) == 1:
            return work(shares[0])
        with ThreadPoolExecutor(len(shares)) as pool:
            parts = list(pool.map(work, shares))
        return ClosedBars(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _advance_share(
        self,
        minutes: Minutes,
        share: NDArray[np.int64],
        place: NDArray[np.int64],
        sessions: "Sessions",
        counts: NDArray[np.int64],
        until: int,
    ) -> ClosedBars:
        from trading_pipeline.domain.features.intraday_bars import N_KEYS, N_PRICES, advance
        from trading_pipeline.domain.features.intraday_kernels import add_indicators

        room = int(counts[share].sum())
        symbol = np.empty(room, "int64")
        keys, prices = np.empty((room, N_KEYS), "int64"), np.empty((room, N_PRICES))
        values = np.empty((room, len(self.columns)))
        row = 0
        for number in share.tolist():
            own = place[number]
            begin, end = minutes.begins[number], minutes.begins[number + 1]
            made = advance(
                number, begin, end, minutes.ts, minutes.prices, until, self._state[own],
                self._clock[own], self._layout, sessions, keys[row:], prices[row:], values[row:],
            )  # fmt: skip
            last = row + made
            add_indicators(
                keys[row:last], prices[row:last], self._memory[own], self._counts[own],
                self._program, values[row:last],
            )  # fmt: skip
            symbol[row:last] = own
            row = last
        return ClosedBars(symbol[:row], keys[:row], prices[:row], values[:row])

    def frame(self, bars: ClosedBars) -> pd.DataFrame:
        """Return closed bars in the columns of features.intraday."""
        from trading_pipeline.domain.features.intraday_bars import (
            CLOSES_AT,
            INTERVAL,
            OPENS_AT,
            ORDINAL,
        )

        names = np.array(list(self._place), dtype=object)
        frame = pd.DataFrame(bars.values, columns=list(self.columns), copy=False)
        intervals = np.array(INTERVALS_MINUTES, dtype="int64")[bars.keys[:, INTERVAL]]
        opens, closes = (
            pd.DatetimeIndex(bars.keys[:, column], tz="UTC") for column in (OPENS_AT, CLOSES_AT)
        )
        known = pd.DatetimeIndex(self._known_at(bars, names), tz="UTC")
        dates = session_dates(bars.keys[:, ORDINAL])
        keys: tuple[pd.Index[Any], ...] = (
            pd.Index(intervals),
            pd.Index(names[bars.symbol]),
            dates,
            opens,
            closes,
            known,
        )
        for column, (name, key) in enumerate(zip(KEYS, keys, strict=True)):
            frame.insert(column, name, key)
        return frame

    def _known_at(self, bars: ClosedBars, names: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return closes_at, or where later when a split that the row reads became known."""
        from trading_pipeline.domain.features.intraday_bars import CLOSES_AT, ORDINAL

        known = bars.keys[:, CLOSES_AT].copy()
        late = self._splits[self._splits["is_late"]]
        for symbol, ordinal, instant in late[["symbol", "session", "known_ns"]].itertuples(
            index=False
        ):
            since = (names[bars.symbol] == symbol) & (bars.keys[:, ORDINAL] >= ordinal)
            known[since] = np.maximum(known[since], instant)
        return known

    def _with_silent(self, minutes: Minutes) -> Minutes:
        """Return minutes with the other symbols that have open bars, which time alone closes."""
        from trading_pipeline.domain.features.intraday_bars import CLOCK_HEAD

        is_open = (self._clock[:, CLOCK_HEAD + 1 :: 2] > 0).any(axis=1)
        named = set(minutes.symbols)
        silent = [s for s, own in self._place.items() if is_open[own] and s not in named]
        begins = np.append(minutes.begins, np.full(len(silent), minutes.begins[-1]))
        return minutes._replace(symbols=[*minutes.symbols, *silent], begins=begins)

    def _make_room(self, symbols: Sequence[str]) -> None:
        from trading_pipeline.domain.features.intraday_bars import begin_symbol
        from trading_pipeline.domain.features.intraday_kernels import begin_indicators

        fresh = [symbol for symbol in symbols if symbol not in self._place]
        if not fresh:
            return
        begin = len(self._place)
        self._place.update({symbol: begin + i for i, symbol in enumerate(fresh)})
        self._state, self._clock, self._memory, self._counts = (
            np.concatenate([kept, np.zeros((len(fresh), kept.shape[1]), kept.dtype)])
            for kept in (self._state, self._clock, self._memory, self._counts)
        )
        for own in range(begin, begin + len(fresh)):
            begin_symbol(self._state[own], self._clock[own])
            begin_indicators(self._memory[own], self._counts[own], self._program)

    def _sessions(self, symbols: Sequence[str]) -> "Sessions":
        from trading_pipeline.domain.features.intraday_bars import Sessions

        opens, closes = _session_hours()
        own = self._splits.assign(
            place=pd.Index(symbols).get_indexer(pd.Index(self._splits["symbol"]))
        )
        own = own[own["place"] >= 0].sort_values(["place", "session"])
        return Sessions(
            opens,
            closes,
            np.searchsorted(own["place"].to_numpy(), np.arange(len(symbols) + 1)),
            own["session"].to_numpy("int64"),
            own["ratio"].to_numpy("float64"),
        )


def sorted_minutes(minutes: pd.DataFrame) -> Minutes:
    """Return the arrays of minutes in the columns of bars.minute, any row order.

    Raises ValueError where a symbol has a minute twice.
    """
    codes, names = pd.factorize(minutes["symbol"], sort=True)
    ts = _nanoseconds(minutes["opens_at"])
    prices = [
        minutes[name].to_numpy("float64") for name in ("open", "high", "low", "close", "volume")
    ]
    step = np.diff(codes)
    if (step < 0).any() or (np.diff(ts)[step == 0] <= 0).any():
        order = np.lexsort((ts, codes))
        codes, ts, prices = codes[order], ts[order], [column[order] for column in prices]
        if ((np.diff(ts) == 0) & (np.diff(codes) == 0)).any():
            raise ValueError("minutes hold a symbol's minute twice; clean them before features")
    begins = np.searchsorted(codes, np.arange(len(names) + 1)).astype("int64")
    contiguous = tuple(np.ascontiguousarray(column) for column in prices)
    return Minutes([str(name) for name in names], begins, np.ascontiguousarray(ts), contiguous)


def _nanoseconds(instants: "pd.Series[pd.Timestamp]") -> NDArray[np.int64]:
    return pd.DatetimeIndex(instants).as_unit("ns").astype("int64").to_numpy()


@lru_cache(maxsize=1)
def _session_hours() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = session_table()
    return _nanoseconds(table["opens_at"]), _nanoseconds(table["closes_at"])


def _splits(actions: pd.DataFrame | None) -> pd.DataFrame:
    """Return symbol, session (the first from ex_date on), ratio, known_ns and is_late."""
    if actions is None:
        columns = ("symbol", "ex_date", "action", "ratio", "known_at")
        actions = pd.DataFrame({name: [] for name in columns})
    table = session_table()
    splits = actions[actions["action"] == "split"]
    dates = pd.DatetimeIndex(splits["ex_date"]).to_numpy().astype("datetime64[ns]")
    ordinals = np.searchsorted(table["session_date"].to_numpy(), dates)
    inside = ordinals < len(table)
    splits, ordinals = splits[inside], ordinals[inside]
    known = _nanoseconds(pd.to_datetime(splits["known_at"], utc=True))
    return pd.DataFrame(
        {
            "symbol": splits["symbol"].to_numpy(object),
            "session": ordinals.astype("int64"),
            "ratio": splits["ratio"].to_numpy("float64"),
            "known_ns": known,
            "is_late": known > _session_hours()[0][ordinals],
        }
    )


def _made(config: IntradayFeaturesConfig) -> tuple["Layout", "Program", tuple[int, int, int, int]]:
    """Return what the two kernels compute, and how much they keep for each symbol."""
    from trading_pipeline.domain.features import intraday_kernels as kernels
    from trading_pipeline.domain.features.intraday_bars import Layout, state_sizes

    lines = intraday_lines(config)
    columns = [column for line in lines for column in line.columns]
    joined = np.array([i for i, column in enumerate(columns) if column.is_joined], dtype="int64")
    n_session = sum(len(line.columns) for line in lines if not line.kind)
    steps = [line for line in lines if line.kind]
    program = np.zeros((len(INTERVALS_MINUTES), len(steps), kernels.PROGRAM_SIZE), dtype="int64")
    begins, at = [], 0
    for number, interval in enumerate(INTERVALS_MINUTES):
        begins.append(at)
        at += kernels.BAR_HEAD + joined.size
        column = n_session
        for row, line in enumerate(steps):
            made = program[number, row]
            made[kernels.KIND] = getattr(kernels, line.kind)
            made[kernels.FIRST : kernels.FIRST + len(line.periods)] = line.periods
            # A step by place counts its sessions itself.
            made[kernels.LOOKBACK] = line.n_bars
            made[kernels.STATE], made[kernels.OUT] = at, column
            at += line.state_size(interval)
            column += len(line.columns)
    layout = Layout(
        np.array(INTERVALS_MINUTES, dtype="int64"),
        config.opening_range_minutes,
        config.profile_sessions,
        N_BINS,
        config.profile_bin_bps / 1e4,
        config.max_gap_sessions,
    )
    whole = kernels.Program(
        program,
        np.array(begins, dtype="int64"),
        joined,
        n_session,
        len(columns),
        config.max_gap_sessions,
    )
    n_state, n_clock = state_sizes(layout)
    return layout, whole, (n_state, n_clock, at, len(INTERVALS_MINUTES) + 1)
