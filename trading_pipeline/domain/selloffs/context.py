"""What is known before a session opens: daily levels in raw prices, usual volume, spread, VIX.

Daily bars are often adjusted, minutes are raw: levels are computed in comparable daily prices and
then multiplied by minute close over daily close of the last common session before, and by the
splits since. Common is a session whose last regular minute is there: the last price of a broken one
is not its close. Where no common session lies within `COMMON_SESSIONS` the levels are missing: an
older ratio would also hold every dividend since. A daily bar counts from its `known_at` on, so a
suspect jump that waits for its confirmation is not read before it. A window that crosses a vendor's
seam is missing, and so are prices where the seam lies after the common session.

Highs, lows, means and the true range may be as old as `LEVEL_SESSIONS`; the close before and the
returns are those of the session before, or missing.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import SpreadsConfig
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.bars.spreads import (
    BENCHMARK_TRADED_USD,
    BENCHMARK_VOLATILITY,
    SESSION_MINUTES,
    shape_by_minute,
)
from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.session_scan import SessionContext, hours_of

YEAR_SESSIONS = 252
ATR_SESSIONS = 14
# A common session may lie so far back.
COMMON_SESSIONS = 20
# So may the newest daily bar of a level of many sessions: one bar more or less hardly moves it.
LEVEL_SESSIONS = 5
# Parkinson (1980): variance of a session from its range is (ln high/low)^2 / (4 ln 2).
PARKINSON = 4.0 * np.log(2.0)
_LEVELS = {
    "high_52w": k.HIGH_52W,
    "low_52w": k.LOW_52W,
    "sma_20": k.SMA_20,
    "sma_50": k.SMA_50,
    "sma_200": k.SMA_200,
    "last": k.CLOSE_BEFORE,
}
_PLAIN = {
    "golden_cross": k.GOLDEN_CROSS,
    "return_1": k.RETURN_1,
    "return_5": k.RETURN_5,
    "atr": k.ATR,
}
# They speak of the session before and of no other.
_OF_THE_DAY_BEFORE = {"last", "return_1", "return_5"}


@dataclass(frozen=True)
class ContextTables:
    """Rows the context is made of, in any order.

    Attributes:
        universe: symbol, kind, is_index.
        daily: symbol, session, high, low, close, volume, adj_factor, has_vendor_seam, known_at.
        vix: session_date, close, known_at.
        sectors: symbol, gics_sector.
        actions: symbol, ex_date, action, ratio, known_at.
        minute_sessions: symbol, session_date, close, high, low, traded_usd, last_closes_at: one
            row per symbol and session with regular minutes, the last of which closes then;
            traded_usd is NaN without volume.
        quotes: symbol, session_date, half_spread_bps: the session's median; empty without quotes.
    """

    universe: pd.DataFrame
    daily: pd.DataFrame
    vix: pd.DataFrame
    sectors: pd.DataFrame
    actions: pd.DataFrame
    minute_sessions: pd.DataFrame
    quotes: pd.DataFrame


class VolumeCurves:
    """Volume up to each minute in the last sessions, carried from one session to the next."""

    def __init__(self, n_symbols: int, n_sessions: int) -> None:
        self.values = np.full((n_sessions, n_symbols, SESSION_MINUTES), np.nan)
        self._newest: int | None = None

    def before(self, session: int) -> NDArray[np.float64]:
        """Return the curves of the sessions before this one, at session modulo their number.

        Sessions without bars since the last one are emptied.
        """
        size = len(self.values)
        if self._newest is not None:
            for gap in range(max(self._newest + 1, session - size), session):
                self.values[gap % size] = np.nan
            self._newest = max(self._newest, session - 1)
        return self.values

    def add(self, session: int, n_minutes: int, grid: NDArray[np.float64]) -> None:
        """Take in a session's grid; sessions come in rising order."""
        self.before(session)
        k.cumulate_volume(grid, n_minutes, self.values[session % len(self.values)])
        self._newest = session


class ContextBook:
    """Looks up what was known of all symbols before any session; the same for history and live."""

    def __init__(
        self,
        tables: ContextTables,
        symbols: Sequence[str],
        config: SelloffsConfig,
        spreads: SpreadsConfig,
    ) -> None:
        """`symbols` are those whose minutes are scanned; they are sorted here."""
        self.symbols = np.array(sorted(set(symbols)), dtype=object)
        universe = tables.universe.drop_duplicates("symbol").set_index("symbol")
        kind = universe["kind"].reindex(self.symbols)
        self.is_equity = kind.eq("equity").to_numpy(bool)
        index = np.flatnonzero(universe["is_index"].reindex(self.symbols).eq(True).to_numpy(bool))
        self.index_at = int(index[0]) if index.size else -1
        sector = tables.sectors.drop_duplicates("symbol").set_index("symbol")["gics_sector"]
        self._sector_names = sector.reindex(self.symbols).to_numpy(object)
        self.sector = pd.Categorical(self._sector_names).codes.astype("int64")
        self.shape = shape_by_minute(spreads)
        self._n_curves = config.volume_curve_sessions
        self._spreads = spreads
        self._daily = daily_levels(tables.daily, self.symbols)
        self._actions = tables.actions
        vix = tables.vix
        self._vix = dict(
            zip(
                session_ordinals(pd.DatetimeIndex(vix["session_date"])).tolist(),
                zip(vix["close"], vix["known_at"], strict=True),
                strict=True,
            )
        )
        self._minute = _by_session(tables.minute_sessions, self.symbols)
        self._quotes = _by_session(tables.quotes, self.symbols)

    def digest_of(
        self, ordinals: NDArray[np.int64], symbols: Sequence[str], levels: NDArray[np.float64]
    ) -> str:
        """Return a hash of what the context says of some symbols in some sessions.

        `levels` are those of `levels(ordinals)`.
        """
        present = np.isin(self.symbols, np.array(symbols, dtype=object))
        index = self.symbols[self.index_at] if self.index_at >= 0 else ""
        # Sectors by name: their numbers depend on which symbols there are.
        names = [*self.symbols[present], *self._sector_names[present], str(index)]
        hashed = hashlib.sha256("|".join(map(str, names)).encode())
        vix = np.array([self.vix_before(int(session)) for session in ordinals])
        for part in (self.is_equity[present], levels[:, present], vix, self.shape):
            hashed.update(np.ascontiguousarray(part).tobytes())
        return hashed.hexdigest()[:16]

    def curves(self) -> VolumeCurves:
        """Return empty volume curves of these symbols."""
        return VolumeCurves(len(self.symbols), self._n_curves)

    def contexts(
        self,
        session_dates: Sequence[pd.Timestamp],
        curves: VolumeCurves,
        levels: NDArray[np.float64] | None = None,
    ) -> Iterator[SessionContext]:
        """Yield the context of each session, in rising order; the caller adds its grid to `curves`.

        The curves of the context are those of the moment: read it before the next one. `levels`
        are those of `levels()` where the caller has them.
        """
        ordinals = session_ordinals(pd.DatetimeIndex(list(session_dates)))
        levels = self.levels(ordinals) if levels is None else levels
        for place, day in enumerate(session_dates):
            hours = hours_of(day)
            yield SessionContext(
                session_date=pd.Timestamp(day),
                session=hours.session,
                opens_at=hours.opens_at,
                n_minutes=hours.n_minutes,
                symbols=self.symbols,
                is_equity=self.is_equity,
                sector=self.sector,
                index_at=self.index_at,
                levels=levels[place],
                curves=curves.before(hours.session),
                spread_shape=self.shape,
                vix=self.vix_before(hours.session),
            )

    def levels(self, ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (sessions, symbols, N_LEVELS): raw prices where a level is a price; NaN unknown.

        `ordinals` rise.
        """
        n_symbols = len(self.symbols)
        out = np.full((len(ordinals), n_symbols, k.N_LEVELS), np.nan)
        if not len(ordinals):
            return out
        opens = session_table()["opens_at"].array[ordinals]
        wanted = pd.DataFrame(
            {
                "session": np.repeat(ordinals, n_symbols),
                "opens_at": np.repeat(opens, n_symbols),
                "code": np.tile(np.arange(n_symbols), len(ordinals)),
            }
        )
        known = pd.merge_asof(
            wanted,
            self._daily.rename(columns={"session": "daily_session"}),
            left_on="opens_at",
            right_on="usable_at",
            by="code",
        )
        age = known["session"] - known["daily_session"]
        ratio = self._ratio(wanted, known["n_seams"])
        flat = out.reshape(-1, k.N_LEVELS)
        for name, place in (_LEVELS | _PLAIN).items():
            fresh = age <= (1 if name in _OF_THE_DAY_BEFORE else LEVEL_SESSIONS)
            values = known[name] * ratio if name in _LEVELS else known[name]
            flat[:, place] = values.where(fresh)
        flat[:, k.SPREAD_LEVEL] = self._spread_level(ordinals).ravel()
        return out

    def _ratio(self, wanted: pd.DataFrame, n_seams: pd.Series) -> pd.Series:
        """Return raw over comparable price of the last common session, and the splits since.

        `n_seams` counts a symbol's seams up to the daily bar that is rescaled.
        """
        daily = self._daily[["code", "session", "usable_at", "last", "n_seams"]]
        closes = session_table()["closes_at"].array[self._minute["session"].to_numpy()]
        whole = self._minute[(self._minute["last_closes_at"] >= closes).to_numpy(bool)]
        both = whole.merge(daily, on=["code", "session"])
        opens = session_table()["opens_at"].array
        # The minutes are known at their session's close, so at the next session's opening.
        nexts = pd.Series(opens[both["session"].to_numpy() + 1])
        both["common_at"] = nexts.where(nexts >= both["usable_at"], both["usable_at"])
        both["ratio"] = both["close"] / both["last"]
        both = both.sort_values(["common_at", "session"], kind="stable")
        found = pd.merge_asof(
            wanted,
            both[["code", "common_at", "session", "ratio", "n_seams"]].rename(
                columns={"session": "common_session"}
            ),
            left_on="opens_at",
            right_on="common_at",
            by="code",
        )
        near = found["session"] - found["common_session"] <= COMMON_SESSIONS
        same = found["n_seams"] == n_seams
        return found["ratio"].where(near & same) / self._splits_since(found)

    def _splits_since(self, found: pd.DataFrame) -> NDArray[np.float64]:
        """Return the new shares per old of splits after the common session, up to the session."""
        factor = np.ones(len(found))
        splits = self._actions[self._actions["action"].eq("split")]
        ex_session = np.searchsorted(
            session_table()["session_date"].to_numpy(), splits["ex_date"].to_numpy("M8[ns]")
        )
        codes = pd.Index(self.symbols).get_indexer(pd.Index(splits["symbol"]))
        rows = zip(codes, ex_session, splits["ratio"], splits["known_at"], strict=True)
        for code, session, ratio, known_at in sorted(rows, key=lambda row: row[:3]):
            if code >= 0:
                applies = (
                    (found["code"] == code)
                    & (found["common_session"] < session)
                    & (found["session"] >= session)
                    & (found["opens_at"] >= known_at)
                )
                factor[applies.to_numpy()] *= ratio
        return factor

    def _spread_level(self, ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (sessions, symbols) mean half-spread in bps of a session, from bars before it.

        The mean of the quoted sessions among the last ones, else the model of `bars.spreads`
        with their mean traded dollars, of daily bars where they have volume, and the volatility
        of their ranges. A daily bar that was confirmed late is left out.
        """
        n_symbols = len(self.symbols)
        back = self._n_curves
        first = int(ordinals[0]) - back
        size = int(ordinals[-1]) - first
        moves = self._minute.assign(
            move=np.log(self._minute["high"] / self._minute["low"]) ** 2 / PARKINSON
        )
        quoted = _window_means(self._quotes, "half_spread_bps", first, size, back, n_symbols)
        daily = _window_means(self._daily, "traded_usd", first, size, back, n_symbols)
        minute = _window_means(self._minute, "traded_usd", first, size, back, n_symbols)
        traded = np.where(daily > 0, daily, minute)
        variance = _window_means(moves, "move", first, size, back, n_symbols)
        model = (
            self._spreads.model_reference_bps
            * (np.sqrt(variance) / BENCHMARK_VOLATILITY) ** (2 / 3)
            * (np.where(traded > 0, traded, np.nan) / BENCHMARK_TRADED_USD) ** (-1 / 3)
        )
        level = np.where(np.isnan(quoted), model, quoted)
        picked: NDArray[np.float64] = level[ordinals - int(ordinals[0])]
        return picked

    def vix_before(self, session: int) -> float:
        """Return the VIX close of the session before; NaN where it is unknown by the opening."""
        close, known_at = self._vix.get(session - 1, (np.nan, None))
        opens_at = session_table()["opens_at"].iloc[session]
        return float(close) if known_at is not None and known_at <= opens_at else np.nan


def daily_levels(daily: pd.DataFrame, symbols: NDArray[np.object_]) -> pd.DataFrame:
    """Return levels as of each daily bar, by usable_at: code, session, usable_at and the levels.

    Prices are comparable ones (times adj_factor); traded_usd is as delivered. A window needs all
    its sessions; one that crosses a vendor's seam is missing. `usable_at` is when the bar and all
    before it were known, `n_seams` how many seams of the symbol lie before it.
    """
    rows = daily.assign(code=pd.Index(symbols).get_indexer(pd.Index(daily["symbol"])))
    rows = rows[rows["code"] >= 0].sort_values(["code", "session"], ignore_index=True)
    close = rows["close"] * rows["adj_factor"]
    high, low = rows["high"] * rows["adj_factor"], rows["low"] * rows["adj_factor"]
    next_opens = session_table()["opens_at"].array[rows["session"].to_numpy("int64") + 1]
    traded = (rows["close"] * rows["volume"]).where(rows["known_at"].le(pd.Series(next_opens)))
    seams = rows["has_vendor_seam"].astype("int64").groupby(rows["code"]).cumsum()
    by = close.groupby([rows["code"], seams])
    before = by.shift(1)
    true_range = pd.Series(np.maximum(high, before) - np.minimum(low, before))

    def window(values: pd.Series, size: int, what: str) -> pd.Series:
        rolled = values.groupby([rows["code"], seams]).rolling(size, min_periods=size).agg(what)
        return rolled.droplevel([0, 1]).reindex(values.index)

    def past_return(size: int) -> pd.Series:
        is_whole = rows["session"] - rows["session"].groupby(rows["code"]).shift(size) == size
        return (close / by.shift(size) - 1.0).where(is_whole)

    sma_50, sma_200 = window(close, 50, "mean"), window(close, 200, "mean")
    out = pd.DataFrame(
        {
            "code": rows["code"].astype("int64"),
            "session": rows["session"].astype("int64"),
            "usable_at": rows["known_at"].groupby(rows["code"]).cummax(),
            "traded_usd": traded,
            "n_seams": seams,
            "last": close,
            "high_52w": window(close, YEAR_SESSIONS, "max"),
            "low_52w": window(close, YEAR_SESSIONS, "min"),
            "sma_20": window(close, 20, "mean"),
            "sma_50": sma_50,
            "sma_200": sma_200,
            "golden_cross": (sma_50 > sma_200).astype("float64").where(sma_200.notna()),
            "return_1": past_return(1),
            "return_5": past_return(5),
            "atr": window(true_range, ATR_SESSIONS, "mean") / close,
        }
    )
    return out.sort_values(["usable_at", "session", "code"], ignore_index=True)


def _by_session(rows: pd.DataFrame, symbols: NDArray[np.object_]) -> pd.DataFrame:
    """Return rows with code and session ordinal, of the symbols scanned, in order."""
    coded = rows.assign(
        code=pd.Index(symbols).get_indexer(pd.Index(rows["symbol"])).astype("int64"),
        session=session_ordinals(pd.DatetimeIndex(rows["session_date"])),
    )
    coded = coded[(coded["code"] >= 0) & (coded["session"] >= 0)]
    return coded.drop(columns=["symbol", "session_date"]).sort_values(
        ["session", "code"], ignore_index=True
    )


def _window_means(
    rows: pd.DataFrame, column: str, first: int, size: int, back: int, n_symbols: int
) -> NDArray[np.float64]:
    """Return the mean of a column over the `back` sessions before each of the last ones.

    Row i is of the session `first + back + i`; NaN where none of its sessions has a value. Summed
    oldest first, so that a value does not depend on how many sessions are asked for.
    """
    dense = np.full((size, n_symbols), np.nan)
    inside = rows[(rows["session"] >= first) & (rows["session"] < first + size)]
    dense[inside["session"] - first, inside["code"]] = inside[column]
    total = np.zeros((size - back + 1, n_symbols))
    count = np.zeros((size - back + 1, n_symbols))
    for i in range(back):
        part = dense[i : i + size - back + 1]
        total += np.where(np.isnan(part), 0.0, part)
        count += ~np.isnan(part)
    return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)
