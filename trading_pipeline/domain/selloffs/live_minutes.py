"""Bars as a vendor gives them while the session runs, in the form of bars.minute.

A bar that no market can have made is left out, as it is from bars.minute; to the scan it is a
missing minute. A jump that must wait for the next bar is not waited for: the events' own word for
a lone tick guards against it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.selloffs.session_scan import hours_of

MINUTE = pd.Timedelta(minutes=1)
PRICES = ["open", "high", "low", "close"]
COLUMNS = (
    *("symbol", "session_date", "opens_at", "closes_at", *PRICES, "volume", "is_regular"),
    *("vendor", "known_at"),
)


@dataclass(frozen=True, slots=True)
class ScanSession:
    """One session: its date (naive), its ordinal, and its regular hours in UTC."""

    session_date: pd.Timestamp
    session: int
    opens_at: pd.Timestamp
    closes_at: pd.Timestamp


def scan_session_of(session_date: pd.Timestamp) -> ScanSession:
    """Return a session. Raises InputError where the exchange is closed that day."""
    day = pd.Timestamp(session_date).normalize().as_unit("ns")
    hours = hours_of(day)
    closes_at = hours.opens_at + hours.n_minutes * MINUTE
    return ScanSession(day, hours.session, hours.opens_at, closes_at)


def live_minutes(
    rows: pd.DataFrame, hours: ScanSession, vendor: str, now: pd.Timestamp
) -> pd.DataFrame:
    """Return the possible, closed, regular bars of a vendor's answer.

    Args:
        rows: symbol, ts (naive UTC start) and the prices, in any order.
        hours: The session.
        vendor: Who gave them.
        now: A minute that has not closed by now is not a bar yet.
    """
    if rows.empty:
        return _empty()
    opens_at = pd.to_datetime(rows["ts"]).dt.tz_localize("UTC")
    prices = rows[PRICES].to_numpy("float64")
    volume = rows["volume"].to_numpy("float64")
    opened, high, low, close = prices.T
    room = 1e-9
    possible = (
        np.isfinite(prices).all(axis=1)
        & (prices > 0).all(axis=1)
        & ~(volume < 0)
        & (np.maximum(opened, close) <= high * (1 + room))
        & (np.minimum(opened, close) >= low * (1 - room))
    )
    inside = (opens_at >= hours.opens_at) & (opens_at < hours.closes_at)
    kept = possible & inside.to_numpy() & (opens_at + MINUTE <= now).to_numpy()
    frame = rows.assign(
        opens_at=opens_at,
        closes_at=opens_at + MINUTE,
        session_date=hours.session_date,
        is_regular=True,
        vendor=vendor,
        known_at=opens_at + MINUTE,
    )
    bars: pd.DataFrame = frame.loc[kept, list(COLUMNS)]
    return bars.sort_values(["closes_at", "symbol"], ignore_index=True)


def _empty() -> pd.DataFrame:
    instant = pd.Series(dtype="datetime64[ns, UTC]")
    columns = {name: pd.Series(dtype="float64") for name in COLUMNS}
    columns |= dict.fromkeys(("opens_at", "closes_at", "known_at"), instant)
    columns |= {"symbol": pd.Series(dtype="object"), "vendor": pd.Series(dtype="object")}
    columns |= {"session_date": pd.Series(dtype="datetime64[ns]")}
    columns |= {"is_regular": pd.Series(dtype="bool")}
    return pd.DataFrame(columns)
