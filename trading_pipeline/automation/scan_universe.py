"""What a scan reads of a home before it starts: the symbols it watches, the market around them."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from trading_pipeline.contracts.selloffs_config import ScanConfig
from trading_pipeline.domain.bars.sessions import session_dates, session_ordinals
from trading_pipeline.domain.scans.conditions import ConditionHistory
from trading_pipeline.domain.scans.universe import ScanUniverse
from trading_pipeline.resources import read_query

Read = Callable[[str, Mapping[str, object] | None], pd.DataFrame]


def watched_symbols(read: Read, session_date: pd.Timestamp, scan: ScanConfig) -> pd.DataFrame:
    """Return symbol, tech_rating, dollar_volume, sector, is_watched, reason of a session.

    `read` is the `read` of a warehouse. Nothing of the session itself or later is read but the
    date of a listing; see `ScanUniverse.at`.

    Raises:
        InputError: A sector or industry that no symbol has.
        ValueError: The date is no session.
    """
    return scan_universe(read, session_date, session_date, scan.lookback_days).at(
        session_date, scan
    )


def scan_universe(
    read: Read, first_date: pd.Timestamp, last_date: pd.Timestamp, lookback_sessions: int
) -> ScanUniverse:
    """Return the filter for the sessions from one to the other, made in one reading."""
    first = int(session_ordinals(pd.DatetimeIndex([first_date]))[0])
    if first < 0:
        raise ValueError(f"{first_date:%Y-%m-%d} is no session; give a date of the exchange")
    since = session_dates(np.array([max(first - lookback_sessions, 0)]))[0]
    return ScanUniverse(
        read(read_query("scans/daily_bars"), {"before_date": last_date}),
        read(
            read_query("scans/minute_dollar_volumes"),
            {"first_date": since, "before_date": last_date},
        ),
        read("select symbol, kind, first_date from bars.universe", None),
        read("select symbol, gics_sector, gics_sub_industry from bars.sectors", None),
    )


def condition_history(read: Read, last_date: pd.Timestamp) -> ConditionHistory:
    """Return index and VIX of every session before a date; ask it `at` any moment of that date."""
    return ConditionHistory(
        read(read_query("scans/index_bars"), {"before_date": last_date}),
        read("select session_date, close, known_at from bars.vix", None),
    )
