"""Cleaning of daily bars: which delivered rows become `bars.daily`, which are refused and why.

Order of the rules: a row that cannot be true is refused; copies of one row are settled; prices are
put on one scale; a jump no split explains waits for the next session. Everything that does not
become a bar leaves a trace in the quarantine frame.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import BarsConfig
from trading_pipeline.domain.bars.adjust import chained_scale, dividend_factor, own_factor
from trading_pipeline.domain.bars.duplicates import settle_duplicates
from trading_pipeline.domain.bars.quarantine import joined, quarantined
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table
from trading_pipeline.domain.bars.suspects import KEPT, LATE, UNCONFIRMED, judge_jumps

DAILY_COLUMNS = (
    "symbol",
    "session_date",
    "session",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "adj_factor",
    "prices",
    "has_vendor_seam",
    "vendor",
    "known_at",
)
PRICE_COLUMNS = ("open", "high", "low", "close")
# Only float rounding is forgiven: a close a thousandth of a cent above the high is refused.
ROUNDING = 1e-9


def clean_daily(
    raw: pd.DataFrame, actions: pd.DataFrame | None, config: BarsConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (bars, quarantine) of raw daily rows.

    Args:
        raw: One row per delivered bar, in any order: symbol, ts (naive: the session date, or the
            bar's start in UTC), open, high, low, close, volume, adj_close, vwap, vendor,
            vendor_rank, file_rank (lower wins), source_file, prices (raw, split or total) and
            missing_columns (space-separated names the row's file does not have). A missing
            value of a column the file has is refused, except volume and vwap. Words may be
            categories, which is faster.
        actions: Columns of `bars.corporate_actions`, or None. They act on raw prices only.
        config: `suspect_jump_ratio`.

    Returns:
        Columns of `bars.daily`, sorted by symbol and session, and of `bars.quarantine`. Cutting
        the input at a session changes no earlier bar, except one withheld as the last of its
        symbol.

    Source: data rules of the project; forward adjustment as in CRSP's cumulative factors, but
    counted from the first bar so that later actions never change earlier rows.
    """
    rows = _arranged(raw)
    doubtful = np.flatnonzero(~_plainly_sound(rows))
    reasons, details = _refusals(rows.iloc[doubtful])
    refused = quarantined(rows.iloc[doubtful], reasons, details)
    stands = np.ones(len(rows), dtype=bool)
    stands[doubtful[reasons != ""]] = False
    sound, copies, losers = settle_duplicates(rows if stands.all() else rows[stands])
    sound = _numbered(sound)

    factor = own_factor(sound, actions)
    scale, seam = chained_scale(sound, factor, losers, own_factor(losers, actions))
    factor = factor * scale
    close = sound["close"].to_numpy("float64")
    codes = sound["symbol_code"].to_numpy("int64")
    starts_anew = np.r_[True, codes[1:] != codes[:-1]][: len(codes)] | seam
    verdict, refers_to = judge_jumps(
        codes, close, close * factor, starts_anew, config.suspect_jump_ratio
    )
    withheld = _withheld(sound, verdict, refers_to)

    kept = (verdict == KEPT) | (verdict == LATE)
    session = sound["session"].to_numpy("int64")
    known_session = np.where(verdict == LATE, session[refers_to], session)
    vwap = sound["vwap"].to_numpy("float64")
    sound["vwap"] = np.where((vwap > 0) & (vwap < np.inf), vwap, np.nan)
    sound["adj_factor"] = factor
    sound["has_vendor_seam"] = seam
    sound["known_at"] = session_table()["closes_at"].array[known_session]
    bars = sound if kept.all() else sound[kept].reset_index(drop=True)
    paid, unusable = dividend_factor(bars, actions)
    bars["adj_factor"] = bars["adj_factor"] * paid
    columns = {name: bars[name] for name in DAILY_COLUMNS}
    words = {name: column.astype(object) for name, column in columns.items() if _is_words(column)}
    bars = pd.DataFrame({**columns, **words}, copy=False)
    return bars, joined([refused, copies, withheld, unusable])


def _is_words(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def _arranged(raw: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows by symbol, session, rank and value, so the input's order never matters."""
    date = _session_dates(pd.DatetimeIndex(pd.DatetimeIndex(raw["ts"]).astype("datetime64[ns]")))
    codes = pd.factorize(raw["symbol"], sort=True)[0]
    days = date.to_numpy().astype("datetime64[D]").astype("int64")
    key = codes * np.int64(1 << 32) + np.where(date.isna(), np.int64(1 << 31), days)
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    tied = np.r_[False, ordered[1:] == ordered[:-1]][: len(raw)]
    tied |= np.r_[tied[1:], False][: len(raw)]
    if tied.any():
        # Ties lie side by side, so ordering them among themselves orders the whole.
        rows = order[tied]
        contested = raw.iloc[rows]
        files = pd.factorize(contested["source_file"], sort=True)[0]
        ranks = (contested[name].to_numpy() for name in ("file_rank", "vendor_rank"))
        names = ("volume", *PRICE_COLUMNS, "adj_close")
        values = (contested[name].to_numpy("float64") for name in names)
        order[tied] = rows[np.lexsort((*values, files, *ranks, key[rows]))]
    # A new frame over the same columns, so that those of the caller stay as they are.
    taken = raw if (ordered == key).all() else raw.iloc[order]
    rows = _numbered(taken)
    rows["session_date"] = date[order]
    rows["session"] = session_ordinals(date)[order]
    rows["symbol_code"] = codes[order].astype("int64")
    return rows


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a frame over the same columns, its rows numbered from 0."""
    numbered = rows.copy(deep=False)
    numbered.index = pd.RangeIndex(len(rows))
    return numbered


def _session_dates(instant: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the New York date of each instant; midnight is a session date already."""
    date = pd.DatetimeIndex(instant.normalize())
    timed = np.flatnonzero((instant != date) & instant.notna())
    if not len(timed):
        return date
    local = instant[timed].tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
    dates = date.to_numpy().copy()
    dates[timed] = local.normalize().to_numpy()
    return pd.DatetimeIndex(dates)


def _plainly_sound(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Return the rows no rule can refuse; `_refusals` judges the others, one rule at a time."""
    open_, high, low, close = (rows[name].to_numpy("float64") for name in PRICE_COLUMNS)
    volume, adjusted = rows["volume"].to_numpy("float64"), rows["adj_close"].to_numpy("float64")
    sound = (low > 0) & (low <= open_) & (low <= close) & (open_ <= high) & (close <= high)
    sound &= (high < np.inf) & ~(volume < 0) & (volume != np.inf)
    # A missing adj_close is refused only where the file has the column, so it is looked at.
    sound &= (adjusted > 0) & (adjusted < np.inf) | ~_given(rows, "adj_close")
    sound &= (rows["session"].to_numpy() >= 0) & (rows["symbol_code"].to_numpy() >= 0)
    return np.asarray(sound, dtype=bool)


def _refusals(rows: pd.DataFrame) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return (reason, detail) of each row; an empty reason where the row may stand."""
    reasons = np.full(len(rows), "", dtype=object)
    details = np.full(len(rows), "", dtype=object)

    def refuse(where: NDArray[np.bool_], reason: str, detail: str) -> None:
        first = where & (reasons == "")
        reasons[first] = reason
        details[first] = detail

    price = {name: rows[name].to_numpy("float64") for name in PRICE_COLUMNS}
    given = {name: _given(rows, name) for name in (*PRICE_COLUMNS, "adj_close")}
    refuse(rows["symbol"].isna().to_numpy(), "missing_symbol", "the row names no symbol")
    refuse(rows["ts"].isna().to_numpy(), "missing_ts", "the row has no date")
    outside = rows["session"].to_numpy() < 0
    refuse(outside, "not_a_session", "the exchange was closed on this date")
    for name in PRICE_COLUMNS:
        unusable = given[name] & ~np.isfinite(price[name])
        refuse(unusable, "missing_price", f"{name} is missing")
        refuse(price[name] <= 0, "not_positive", f"{name} is zero or negative")
    adjusted = rows["adj_close"].to_numpy("float64")
    refuse(given["adj_close"] & ~np.isfinite(adjusted), "missing_price", "adj_close is missing")
    refuse(adjusted <= 0, "not_positive", "adj_close is zero or negative")
    volume = rows["volume"].to_numpy("float64")
    refuse(volume < 0, "negative_volume", "volume is below zero")
    refuse(np.isinf(volume), "missing_volume", "volume is infinite")
    high, low = price["high"], price["low"]
    refuse(high < low * (1 - ROUNDING), "high_below_low", "high lies below low")
    for name in ("close", "open"):
        beyond = (price[name] > high * (1 + ROUNDING)) | (price[name] < low * (1 - ROUNDING))
        refuse(beyond, f"{name}_outside_range", f"{name} lies outside [low, high]")
    return reasons, details


def _given(rows: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    """Return whether each row's file has the column at all."""
    lacking, values = pd.factorize(rows["missing_columns"])
    absent = np.array([name in str(value).split() for value in values], dtype=bool)
    return ~absent[lacking] if len(absent) else np.zeros(len(rows), dtype=bool)


def _withheld(
    sound: pd.DataFrame, verdict: NDArray[np.int8], refers_to: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the quarantine rows of jumps that were reverted or that nothing has confirmed."""
    kept = (verdict == KEPT) | (verdict == LATE)
    positions = np.flatnonzero(~kept)
    before = refers_to[positions]
    close = sound["close"].to_numpy()
    reasons, details = [], []
    for row, earlier in zip(positions, before, strict=True):
        seen = f"close {close[row]:.6g} after {close[earlier]:.6g}"
        if verdict[row] == UNCONFIRMED:
            reasons.append("suspect_unconfirmed")
            details.append(f"{seen}, no split explains it; waits for the next session")
        else:
            reasons.append("tick_reverted")
            details.append(f"{seen}, no split explains it; {close[row + 1]:.6g} a session later")
    return quarantined(
        sound.iloc[positions], np.array(reasons, dtype=object), np.array(details, dtype=object)
    )
