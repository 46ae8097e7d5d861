"""The panel: symbols' own bars in one run of rows, and what is known of the market beside them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.features.registry import Feature

Values = NDArray[np.float64]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]
Made = TypeVar("Made")

# TA-Lib's money flow index returns 0 where the flow of a window is below 1, in whatever unit.
VOLUME_UNIT = 1e6
# Intermediate results held at once; a result asked for again later is made again.
MEMO_SIZE = 24
# Outputs of those TA-Lib functions that have more than one.
N_OUTPUTS = {"AROON": 2, "BBANDS": 3, "MACD": 3, "STOCH": 2, "STOCHF": 2, "STOCHRSI": 2}


@dataclass(frozen=True)
class Surroundings:
    """What the market was at each row of a panel.

    `index` and `vix` are panels of one series, None where there is none. `regime` is the position
    in REGIMES and `sector` a sector's number, -1 where unknown. `events` holds the tables of
    events and of macro series that are at hand, by name.
    """

    index: "Panel | None"
    vix: "Panel | None"
    regime: Rows
    sector: Rows
    events: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class Panel:
    """Bars sorted by symbol and session, cut into segments at listings and vendor seams.

    Prices and volume are relative to the first of their segment, so no value can depend on an
    adjusted level. Gaps are compressed: the row before is the symbol's bar before. `columns` holds
    the bars' values and the one-bar `return`, (n_rows,) each, missing as NaN.
    """

    def __init__(self, bars: pd.DataFrame) -> None:
        """Take bars in the columns of bars.daily, any row order.

        Raises ValueError where a symbol has a session twice.
        """
        codes, names = pd.factorize(bars["symbol"], sort=True)
        ordinals = bars["session"].to_numpy("int64")
        by_symbol = np.lexsort((ordinals, codes))
        bars = bars.iloc[by_symbol]
        self.symbols = np.asarray(names, dtype=object)
        self.code: Rows = codes[by_symbol].astype("int64")
        self.session: Rows = ordinals[by_symbol]
        self.size = len(bars)
        listed = np.ones(self.size, dtype=bool)
        listed[1:] = np.diff(self.code) != 0
        if (~listed[1:] & (np.diff(self.session) == 0)).any():
            raise ValueError("bars hold a symbol's session twice; clean them before features")
        self.is_first: Flags = listed | bars["has_vendor_seam"].to_numpy(bool)
        self.segment: Rows = np.cumsum(self.is_first) - 1
        self.position: Rows = self._since(self.is_first)
        self.decided_at, self.known_at = self._instants(bars, listed)
        self.is_late: Flags = self.known_at > self.decided_at
        self.columns: dict[str, Values] = self._relative_columns(bars)
        self.columns["return"] = self.past_change(1)
        self.shares: Values = self._shares(bars)
        # For VIX, a level that nothing adjusts; no feature of a symbol may read it.
        self.level: Values = bars["close"].to_numpy("float64")
        self.surroundings: Surroundings | None = None
        self._memo: dict[object, Any] = {}

    def _since(self, is_start: Flags) -> Rows:
        rows = np.arange(self.size, dtype="int64")
        return rows - np.maximum.accumulate(np.where(is_start, rows, 0))

    def _instants(self, bars: pd.DataFrame, listed: Flags) -> tuple[Rows, Rows]:
        dates = pd.DatetimeIndex(session_table()["session_date"].to_numpy()[self.session])
        decided = at_new_york(dates, DECISION_TIME).as_unit("ns").astype("int64").to_numpy()
        known = pd.DatetimeIndex(bars["known_at"]).as_unit("ns").astype("int64").to_numpy()
        known = np.maximum(known, decided)
        # A row reads its symbol's earlier bars, so it cannot be known before them.
        for start, end in self._slices(listed):
            known[start:end] = np.maximum.accumulate(known[start:end])
        return decided, known

    def _relative_columns(self, bars: pd.DataFrame) -> dict[str, Values]:
        factor = bars["adj_factor"].to_numpy("float64")
        closes = bars["close"].to_numpy("float64") * factor
        base = closes[self.is_first][self.segment]
        columns = {
            name: bars[name].to_numpy("float64") * factor / base
            for name in ("open", "high", "low", "close")
        }
        shares = bars["volume"].to_numpy("float64")
        # Vendors that adjust prices adjust volume with them; raw volume jumps at a split.
        shares = np.where(bars["prices"].to_numpy() == "raw", shares / factor, shares)
        traded = pd.Series(np.where(shares > 0, shares, np.nan))
        first = traded.groupby(self.segment).transform("first").to_numpy()
        columns["volume"] = shares / first * VOLUME_UNIT
        columns["vwap"] = (columns["high"] + columns["low"] + columns["close"]) / 3.0
        if "vwap" in bars:
            given = bars["vwap"].to_numpy("float64") * factor / base
            columns["vwap"] = np.where(np.isnan(given), columns["vwap"], given)
        return columns

    def _shares(self, bars: pd.DataFrame) -> Values:
        """Return volume in shares of the segment's first bar, which a split does not move."""
        factor = bars["adj_factor"].to_numpy("float64")
        shares = bars["volume"].to_numpy("float64")
        own = factor[self.is_first][self.segment] / factor
        return np.where(bars["prices"].to_numpy() == "raw", shares * own, shares)

    def _slices(self, is_start: Flags) -> Iterator[tuple[int, int]]:
        edges = np.append(np.flatnonzero(is_start), self.size)
        return zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)

    def __getitem__(self, column: str) -> Values:
        """Return a bar column, (n_rows,)."""
        return self.columns[column]

    def made_once(self, key: object, make: Callable[[], Made]) -> Made:
        """Return what `make` returns, remembered while `key` is among the last asked for."""
        made: Made = self._memo.pop(key) if key in self._memo else make()
        self._memo[key] = made
        while len(self._memo) > MEMO_SIZE:
            self._memo.pop(next(iter(self._memo)))
        return made

    def in_run(self, inputs: tuple[str, ...]) -> Rows:
        """Return each row's place in its run of bars that have all inputs, from 0; -1 outside."""

        def make() -> Rows:
            present = np.ones(self.size, dtype=bool)
            for name in inputs:
                present &= ~np.isnan(self.columns[name])
            starts = present & self.is_first
            starts[1:] |= present[1:] & ~present[:-1]
            return np.where(present, self._since(starts), -1)

        return self.made_once(("run", inputs), make)

    def indicator(self, name: str, inputs: tuple[str, ...], **settings: int) -> tuple[Values, ...]:
        """Return the outputs of TA-Lib's `name`, run on every run of bars that have all inputs."""

        def make() -> tuple[Values, ...]:
            import talib

            function = getattr(talib, name)
            outputs = tuple(np.full(self.size, np.nan) for _ in range(N_OUTPUTS.get(name, 1)))
            place = self.in_run(inputs)
            ends = np.flatnonzero((place >= 0) & (np.append(place[1:], -1) <= 0)) + 1
            for end in ends.tolist():
                start = end - 1 - int(place[end - 1])
                made = function(*(self.columns[c][start:end] for c in inputs), **settings)
                for output, part in zip(
                    outputs, made if isinstance(made, tuple) else (made,), strict=True
                ):
                    output[start:end] = part
            return outputs

        return self.made_once((name, inputs, tuple(sorted(settings.items()))), make)

    def past_change(self, n: int) -> Values:
        """Return close / close n own bars before - 1; missing across a segment's start."""
        values = self.columns["close"]
        change = np.full(self.size, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            change[n:] = values[n:] / values[: max(self.size - n, 0)] - 1
        change[self.position < n] = np.nan
        return change

    def before(self, values: Values, n: int) -> Values:
        """Return the values `n` own bars before; missing across a segment's start."""
        shifted = np.full(self.size, np.nan)
        shifted[n:] = values[: max(self.size - n, 0)]
        shifted[self.position < n] = np.nan
        return shifted

    @property
    def log_return(self) -> Values:
        """ln(close / close before), missing on a segment's first bar."""
        return self.made_once("log_return", lambda: np.log1p(self.columns["return"]))

    @property
    def by_session(self) -> tuple[Rows, Rows, Rows]:
        """Rows in order of session, where each session starts in it, and each row's session."""

        def make() -> tuple[Rows, Rows, Rows]:
            order = np.argsort(self.session, kind="stable")
            starts = np.flatnonzero(np.diff(self.session[order], prepend=-1) != 0)
            number = np.empty(self.size, dtype="int64")
            number[order] = np.repeat(np.arange(starts.size), np.diff(np.append(starts, self.size)))
            return order, np.append(starts, self.size), number

        return self.made_once("by_session", make)

    def on_time(self, values: Values) -> Values:
        """Return values without those of withheld bars, which no other symbol could yet see."""
        return np.where(self.is_late, np.nan, values)

    def beside(self, values: Values, sessions: Rows) -> Values:
        """Return this one-symbol panel's values at other rows' sessions, if known by then."""
        row_of = np.full(len(session_table()) + 1, -1, dtype="int64")
        row_of[self.session] = np.where(self.is_late, -1, np.arange(self.size))
        rows = row_of[sessions]
        return np.where(rows >= 0, np.append(values, np.nan)[rows], np.nan)

    def around(self) -> Surroundings:
        """Return the surroundings. Raises ValueError on a panel that has none."""
        if self.surroundings is None:
            raise ValueError("this feature needs the market around the bars; build them first")
        return self.surroundings

    def value(self, feature: Feature) -> Values:
        """Return a feature's values for another one to read, remembered for a while."""
        return self.made_once(("value", feature.name), lambda: self.computed(feature))

    def computed(self, feature: Feature) -> Values:
        """Return a feature's values, missing through its warm-up and wherever not finite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.array(feature.compute(self), dtype="float64")
        values[~np.isfinite(values)] = np.nan
        own = tuple(name for name in feature.inputs if name in self.columns)
        if own:
            values[self.in_run(own) < feature.lookback_sessions - 1] = np.nan
        return values
