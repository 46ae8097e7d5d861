"""Cleaning of daily bars: which delivered rows become `bars.daily`, which are refused and why.

Order of the rules: a row that cannot be true is refused; copies of one row are settled; prices are
put on one scale; a jump no split explains waits for the next session. Everything that does not
become a bar leaves a trace in the quarantine frame.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BarsConfig
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
            bar's start in UTC), open, high, low, close, volume, adj_close, vendor, vendor_rank,
            file_rank (lower wins), source_file, prices (raw, split or total) and
            missing_columns (space-separated names the row's file does not have). A missing
            value of a column the file has is refused, except volume.
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
    reasons, details = _refusals(rows)
    refused = quarantined(rows, reasons, details)
    sound, copies, losers = settle_duplicates(rows[reasons == ""])
    sound = sound.reset_index(drop=True)

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
    bars = sound.assign(
        adj_factor=factor,
        has_vendor_seam=seam,
        known_at=session_table()["closes_at"].array[known_session],
    )[kept].reset_index(drop=True)
    paid, unusable = dividend_factor(bars, actions)
    bars["adj_factor"] = bars["adj_factor"] * paid
    return bars[list(DAILY_COLUMNS)], joined([refused, copies, withheld, unusable])


def _arranged(raw: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows by symbol, session, rank and value, so the input's order never matters."""
    rows = raw.reset_index(drop=True)
    instant = pd.DatetimeIndex(rows["ts"])
    midnight = instant == instant.normalize()
    local = instant.tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
    date = pd.Series(np.where(midnight, instant, local.normalize()), dtype="datetime64[ns]")
    codes = pd.factorize(rows["symbol"], sort=True)[0]
    rows = rows.assign(session_date=date, session=session_ordinals(date), symbol_code=codes)
    files = pd.factorize(rows["source_file"], sort=True)[0]
    ranks = (rows[name].to_numpy() for name in ("file_rank", "vendor_rank"))
    values = (rows[name].to_numpy() for name in ("volume", *PRICE_COLUMNS, "adj_close"))
    order = np.lexsort((*values, files, *ranks, date.to_numpy(), codes))
    return rows.iloc[order].reset_index(drop=True)


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
