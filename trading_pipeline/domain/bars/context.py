"""Cleaning of what stands beside the bars, and when it was known: VIX, macro, corporate actions."""

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.quarantine import joined, quarantined
from trading_pipeline.domain.bars.sessions import (
    DECISION_TIME,
    VIX_TIME,
    at_new_york,
    session_ordinals,
)

OPENING_TIME = pd.Timedelta(hours=9, minutes=30)
# Days from the observation date to the first use, by the series' usual spacing in days. Archives
# date a month or a quarter by its first day, and the slowest of common monthly series (house
# prices, job openings) come out nearly two months after the month ends: early would be a leak,
# late is only stale.
MACRO_LAGS = ((4, 7), (10, 14), (45, 90), (float("inf"), 150))


def clean_vix(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (columns of `bars.vix`, quarantine).

    Args:
        raw: ts, open, high, low, close, source_file; in any order.

    Refused: a date on which the exchange was closed, a close that is missing or not positive, a
    date given twice with two closes. Equal copies collapse into one recorded line.
    """
    rows = raw.assign(session_date=pd.DatetimeIndex(raw["ts"]).normalize())
    rows = rows.sort_values(["session_date", "close", "open", "high", "low"], ignore_index=True)
    reasons = np.full(len(rows), "", dtype=object)
    close = rows["close"].to_numpy("float64")
    reasons[~(np.isfinite(close) & (close > 0))] = "missing_price"
    reasons[session_ordinals(rows["session_date"]) < 0] = "not_a_session"
    usable = rows[reasons == ""]
    n_closes = usable.groupby("session_date")["close"].transform("nunique")
    reasons[usable.index[n_closes > 1]] = "duplicate_disagrees"
    copies = rows[reasons == ""].duplicated("session_date")
    reasons[copies.index[copies]] = "duplicate_collapsed"
    words = {
        "": "",
        "missing_price": "close is missing, zero or negative",
        "not_a_session": "the exchange was closed on this date",
        "duplicate_disagrees": "the date is given more than once, with other closes",
        "duplicate_collapsed": "the date is given more than once, with the same close",
    }
    details = np.array([words[reason] for reason in reasons], dtype=object)
    vix = rows[reasons == ""].reset_index(drop=True)
    vix["known_at"] = at_new_york(vix["session_date"], VIX_TIME)
    kept = vix[["session_date", "open", "high", "low", "close", "known_at"]]
    return kept, joined([quarantined(rows, reasons, details, "bars.vix")])


def clean_macro(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (columns of `bars.macro`, quarantine).

    Args:
        raw: series, ts, value, release (NaT where not given), source_file; in any order.

    `known_at` is 18:00 New York of the release date; where none is given, of the observation date
    plus the lag of `MACRO_LAGS` for the series' median spacing. Several releases of one
    observation are vintages and all stay. Refused: a missing value or date, a release before the
    observation, two values of one observation and release.
    """
    rows = raw.assign(observed_date=pd.DatetimeIndex(raw["ts"]).normalize())
    rows = rows.sort_values(["series", "observed_date", "release", "value"], ignore_index=True)
    spacing = rows.groupby("series")["observed_date"].transform(_usual_spacing)
    limits = np.array([limit for limit, _ in MACRO_LAGS])
    lags = np.array([days for _, days in MACRO_LAGS])
    lag = pd.to_timedelta(lags[np.searchsorted(limits, spacing.to_numpy("float64"))], unit="D")
    release = pd.DatetimeIndex(rows["release"]).normalize()
    first_use = pd.DatetimeIndex(
        np.where(release.isna(), pd.DatetimeIndex(rows["observed_date"]) + lag, release)
    )
    rows["known_at"] = at_new_york(first_use, DECISION_TIME)
    reasons = np.full(len(rows), "", dtype=object)
    details = np.full(len(rows), "", dtype=object)
    key = ["series", "observed_date", "known_at"]
    versions = rows.groupby(key)["value"].transform("nunique").to_numpy()
    missing = rows["value"].isna() | rows["observed_date"].isna() | rows["series"].isna()
    early = (first_use < pd.DatetimeIndex(rows["observed_date"])) & ~missing.to_numpy()
    for where, reason, detail in (
        (missing.to_numpy(), "missing_value", "series, date or value is missing"),
        (early, "released_early", "the release lies before the observation"),
        (versions > 1, "duplicate_disagrees", "one observation and release, two values"),
        (rows.duplicated(key).to_numpy(), "duplicate_collapsed", "equal copy"),
    ):
        first = where & (reasons == "")
        reasons[first], details[first] = reason, detail
    kept = rows[reasons == ""].reset_index(drop=True)
    refused = quarantined(
        rows.rename(columns={"series": "symbol"}).assign(close=rows["value"]),
        reasons,
        details,
        "bars.macro",
    )
    return kept[["series", "observed_date", "value", "known_at"]], joined([refused])


def clean_actions(raw: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (columns of `bars.corporate_actions`, quarantine).

    Args:
        raw: symbol, ex_date, action (split or dividend), ratio, amount_usd, known_at (UTC or
            missing), source_file.

    `known_at` is as given, else the opening of `ex_date`. Refused: another action, a split
    without a positive ratio, a dividend without a positive amount, a missing symbol or date, and
    every split of a date for which several ratios are given: both cannot be true. Equal copies
    collapse into one recorded line.
    """
    key = ["symbol", "ex_date", "action", "ratio", "amount_usd"]
    rows = raw.sort_values([*key, "known_at"], ignore_index=True)
    is_split, is_dividend = (rows["action"] == name for name in ("split", "dividend"))
    usable_ratio = np.isfinite(rows["ratio"]) & (rows["ratio"] > 0)
    usable_amount = np.isfinite(rows["amount_usd"]) & (rows["amount_usd"] > 0)
    ratios = rows.where(is_split & usable_ratio).groupby(key[:3])["ratio"].transform("nunique")
    reasons = np.full(len(rows), "", dtype=object)
    details = np.full(len(rows), "", dtype=object)
    for where, reason, detail in (
        (rows["symbol"].isna() | rows["ex_date"].isna(), "missing_value", "no symbol or ex_date"),
        (~(is_split | is_dividend), "unknown_action", "neither split nor dividend"),
        (is_split & ~usable_ratio, "missing_value", "a split needs a positive ratio"),
        (is_dividend & ~usable_amount, "missing_value", "a dividend needs a positive amount_usd"),
        (ratios > 1, "duplicate_disagrees", "the date has splits of other ratios"),
        (rows.duplicated(key), "duplicate_collapsed", "equal copy"),
    ):
        first = where.to_numpy() & (reasons == "")
        reasons[first], details[first] = reason, detail
    refused = quarantined(
        rows.assign(ts=rows["ex_date"]), reasons, details, "bars.corporate_actions"
    )
    kept = rows[reasons == ""].reset_index(drop=True)
    opening = pd.Series(at_new_york(kept["ex_date"], OPENING_TIME), index=kept.index)
    kept["known_at"] = pd.to_datetime(kept["known_at"], utc=True).fillna(opening)
    return kept[[*key, "known_at"]], joined([refused])


def _usual_spacing(dates: pd.Series) -> float:
    """Return the median days between observations; unknown spacing counts as the slowest."""
    days = np.unique(dates.dropna().to_numpy("datetime64[D]")).astype("int64")
    return float(np.median(np.diff(days))) if len(days) > 1 else float("inf")
