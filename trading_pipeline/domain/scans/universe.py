"""The filter of a scan: which equities it watches in a session, and why it leaves the others out.

Everything a symbol is judged by was known at the session's open, but two: that it is listed on the
session itself, which is announced before, and its sector, of which the data have today's only.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.selloffs_config import ScanConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.scans.rating import rating_parts, tech_ratings

WATCHED_COLUMNS = ("symbol", "tech_rating", "dollar_volume", "sector", "is_watched", "reason")


class ScanUniverse:
    """The filter over a home's tables, measured once, to be asked for any session."""

    def __init__(
        self,
        bars: pd.DataFrame,
        minute_volumes: pd.DataFrame,
        universe: pd.DataFrame,
        sectors: pd.DataFrame,
    ) -> None:
        """Take tables in any row order.

        Args:
            bars: bars.daily.
            minute_volumes: symbol, session_date, dollar_volume: sums over the regular minutes of
                a session, NaN where no volume is known.
            universe: bars.universe.
            sectors: bars.sectors; may be empty.
        """
        self._universe = universe.sort_values("symbol", ignore_index=True)
        equities = universe.loc[universe["kind"] == "equity", "symbol"]
        daily = bars[bars["symbol"].isin(equities)]
        self._parts = rating_parts(daily)
        self._daily = _dated(_daily_volumes(daily))
        minute = minute_volumes.assign(session=session_ordinals(minute_volumes["session_date"]))
        self._minute = _dated(minute[["symbol", "session", "dollar_volume"]])
        named = sectors.drop_duplicates("symbol").set_index("symbol")
        self._sector, self._industry = named["gics_sector"], named["gics_sub_industry"]

    def at(self, session_date: pd.Timestamp, config: ScanConfig) -> pd.DataFrame:
        """Return WATCHED_COLUMNS, one row per symbol of the universe that is listed by then.

        `tech_rating` (0..100) and `dollar_volume` (USD, median session of the lookback) are those
        known at the open, missing where they cannot be told; what is missing passes no minimum
        above zero. `reason` is the first rule that leaves the symbol out, empty where watched.

        Daily dollar volume is close x volume of prices that are raw or adjusted for splits alone;
        else, and where there are no daily bars, it is that of the minutes of earlier sessions.

        Raises:
            InputError: A sector or industry that no symbol has.
            ValueError: The date is no session.
        """
        rows = self._measured(session_date, config.lookback_days)
        rows["sector"] = self._named(rows, self._sector, config.sectors, "sectors")
        rows["industry"] = self._named(rows, self._industry, config.industries, "industries")
        rows["reason"] = _reasons(rows, config)
        passed = rows[rows["reason"] == ""]
        ranked = passed.sort_values(
            ["dollar_volume", "symbol"], ascending=[False, True], na_position="last"
        )
        cut = ranked.index[config.max_symbols :]
        rows.loc[cut, "reason"] = f"not among the {config.max_symbols} with most dollar volume"
        rows["is_watched"] = rows["reason"] == ""
        return rows[list(WATCHED_COLUMNS)]

    def _measured(self, session_date: pd.Timestamp, lookback: int) -> pd.DataFrame:
        ratings = tech_ratings(self._parts, session_date, lookback)
        session = int(session_ordinals(pd.DatetimeIndex([session_date]))[0])
        opens_at = session_table()["opens_at"].iloc[session]
        daily = _within(self._daily, session, lookback)
        minute = _within(self._minute, session, lookback)
        daily = daily[daily["known_at"] <= opens_at]
        listed = self._universe[self._universe["first_date"] <= session_date]
        rows = listed[["symbol", "kind", "first_date"]].reset_index(drop=True)
        symbols = rows["symbol"]
        volumes = _medians(daily).combine_first(_medians(minute))
        rows["dollar_volume"] = volumes.reindex(symbols).to_numpy("float64")
        rows["tech_rating"] = ratings.reindex(symbols).to_numpy("float64")
        seen = pd.concat([daily["symbol"], minute["symbol"]]).unique()
        # Its first session has no bars before it.
        rows["has_bars"] = symbols.isin(seen) | (rows["first_date"] == session_date)
        return rows

    def _named(
        self, rows: pd.DataFrame, names: pd.Series, asked: Sequence[str], setting: str
    ) -> pd.Series:
        """Return each row's name. Raises InputError for a name asked for that nobody has."""
        known = sorted(set(names.dropna()))
        strange = sorted(set(asked) - set(known))
        if strange and not known:
            raise InputError(
                f"[scan] {setting} asks for {', '.join(strange)}, but no symbol of the data has"
                f" one; add them to the source's sectors file or leave {setting} empty"
            )
        if strange:
            raise InputError(
                f"[scan] {setting} names {', '.join(strange)}, which no symbol has;"
                f" give some of: {', '.join(known)}"
            )
        return rows["symbol"].map(names).astype(object)


def _reasons(rows: pd.DataFrame, config: ScanConfig) -> pd.Series:
    """Return the first rule that leaves each row out, empty where none does."""
    rules: list[tuple[pd.Series, str | pd.Series]] = [
        (rows["kind"] != "equity", "not an equity: " + rows["kind"]),
        (~rows["has_bars"], f"no bar in the last {config.lookback_days} sessions"),
        *_unasked(rows["sector"], config.sectors, "sector"),
        *_unasked(rows["industry"], config.industries, "industry"),
        *_below(rows["dollar_volume"], config.min_dollar_volume, "dollar volume"),
        *_below(rows["tech_rating"], config.min_tech_rating, "technical rating"),
    ]
    reason = pd.Series("", index=rows.index, dtype=object)
    for is_out, words in rules:
        reason = reason.mask(is_out & (reason == ""), words)
    return reason


def _unasked(
    names: pd.Series, asked: Sequence[str], what: str
) -> list[tuple[pd.Series, str | pd.Series]]:
    if not asked:
        return []
    return [
        (names.isna(), f"{what} is unknown"),
        (~names.isin(list(asked)), f"{what} is not asked for: " + names),
    ]


def _below(values: pd.Series, least: float, what: str) -> list[tuple[pd.Series, str | pd.Series]]:
    if least <= 0:
        return []
    return [
        (values.isna(), f"{what} is not known"),
        (values < least, f"{what} is below {least:,.10g}"),
    ]


def _daily_volumes(bars: pd.DataFrame) -> pd.DataFrame:
    """Return symbol, session, known_at, dollar_volume per bar.

    Prices that carry dividends are no longer what was paid: their dollar volume is missing. A
    split moves price and volume against each other and leaves the product as it was.
    """
    dollars = bars["close"].to_numpy("float64") * bars["volume"].to_numpy("float64")
    return pd.DataFrame(
        {
            "symbol": bars["symbol"].to_numpy(object),
            "session": bars["session"].to_numpy("int64"),
            "known_at": pd.DatetimeIndex(bars["known_at"]),
            "dollar_volume": np.where(bars["prices"].to_numpy() == "total", np.nan, dollars),
        }
    )


def _dated(volumes: pd.DataFrame) -> pd.DataFrame:
    return volumes.sort_values(["session", "symbol"], ignore_index=True)


def _within(rows: pd.DataFrame, session: int, lookback: int) -> pd.DataFrame:
    """Return the rows of the `lookback` sessions before one; the rows come by session."""
    first, end = np.searchsorted(rows["session"].to_numpy(), [session - lookback, session])
    return rows.iloc[first:end]


def _medians(volumes: pd.DataFrame) -> pd.Series:
    """Return the median of each symbol's known values; missing where none is known."""
    return volumes.groupby("symbol")["dollar_volume"].median()
