"""Sessions of the New York Stock Exchange: dates, ordinals, opening hours, half-days.

A session's ordinal is its position in the XNYS calendar that starts in 1985, so it never changes
when data are added. Source: the `exchange_calendars` package.
"""

from functools import lru_cache

import exchange_calendars
import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Fixed edges: the package's own default end follows the clock.
CALENDAR_START = "1985-01-01"
CALENDAR_END = "2040-12-31"
DECISION_TIME = pd.Timedelta(hours=18)
VIX_TIME = pd.Timedelta(hours=16, minutes=15)
OPENING_MINUTES, POWER_HOUR_MINUTES = 30, 60
# Minutes since the open at which the middle parts of a session end: 11:30, 13:30 New York.
MORNING_UNTIL, MIDDAY_UNTIL = 120, 240


@lru_cache(maxsize=1)
def session_table() -> pd.DataFrame:
    """Return every session: session_date (naive ns), session, opens_at, closes_at, is_half_day.

    `opens_at` and `closes_at` are UTC instants of the regular session.
    """
    calendar = exchange_calendars.get_calendar("XNYS", start=CALENDAR_START, end=CALENDAR_END)
    schedule = calendar.schedule
    dates = pd.DatetimeIndex(schedule.index).tz_localize(None).astype("datetime64[ns]")
    half = np.isin(dates, calendar.early_closes.tz_localize(None).astype("datetime64[ns]"))
    return pd.DataFrame(
        {
            "session_date": dates,
            "session": np.arange(len(dates), dtype="int64"),
            "opens_at": pd.DatetimeIndex(schedule["open"]).astype("datetime64[ns, UTC]"),
            "closes_at": pd.DatetimeIndex(schedule["close"]).astype("datetime64[ns, UTC]"),
            "is_half_day": half,
        }
    )


def session_ordinals(dates: pd.Series | pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return the ordinal of each session date, -1 where the date is no session."""
    wanted = pd.DatetimeIndex(dates).to_numpy().astype("datetime64[ns]")
    whole = wanted.astype("datetime64[D]")
    days = whole.astype("int64")
    first, ordinal_of = _ordinals_by_day()
    inside = (days >= first) & (days < first + ordinal_of.size) & (wanted == whole)
    return np.where(inside, ordinal_of[np.where(inside, days - first, 0)], -1)


@lru_cache(maxsize=1)
def _ordinals_by_day() -> tuple[int, NDArray[np.int64]]:
    """Return the day number of the first session, and the ordinal of each day from it on."""
    days = session_table()["session_date"].to_numpy().astype("datetime64[D]").astype("int64")
    ordinal_of = np.full(int(days[-1] - days[0]) + 1, -1, dtype="int64")
    ordinal_of[days - days[0]] = np.arange(days.size)
    return int(days[0]), ordinal_of


def session_dates(ordinals: NDArray[np.int64]) -> pd.DatetimeIndex:
    """Return the date of each ordinal. Raises IndexError outside the calendar."""
    return pd.DatetimeIndex(session_table()["session_date"].to_numpy()[ordinals])


def at_new_york(dates: pd.Series | pd.DatetimeIndex, time_of_day: pd.Timedelta) -> pd.DatetimeIndex:
    """Return the UTC instant of a New York wall-clock time on each date."""
    local = pd.DatetimeIndex(pd.DatetimeIndex(dates).astype("datetime64[ns]") + time_of_day)
    return pd.DatetimeIndex(local.tz_localize("America/New_York").tz_convert("UTC"))


def part_of_session(
    since_open: NDArray[np.number], to_close: NDArray[np.number]
) -> NDArray[np.object_]:
    """Return opening, morning, midday, afternoon or power_hour for minutes within a session.

    The last hour is the power hour, of half-days too; the opening comes before all.
    """
    return np.select(
        [
            since_open <= OPENING_MINUTES,
            to_close < POWER_HOUR_MINUTES,
            since_open <= MORNING_UNTIL,
            since_open <= MIDDAY_UNTIL,
        ],
        ["opening", "power_hour", "morning", "midday"],
        "afternoon",
    ).astype(object)
