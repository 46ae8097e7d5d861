"""Features of the exchange's calendar alone, without a closure that nobody could foresee.

Distances ahead count the days that were scheduled to trade: a day that turned out closed, as
after a storm, is counted as one.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pandas as pd

from trading_pipeline.domain.bars.sessions import CALENDAR_END, CALENDAR_START, session_table
from trading_pipeline.domain.features.panel import Panel, Values
from trading_pipeline.domain.features.registry import Feature

TURN_SESSIONS = 3


def calendar_features() -> tuple[Feature, ...]:
    """Return the family calendar beyond weekday, month and the month's end."""
    source = "XNYS calendar"
    return (
        _feature("day_of_month", "1 to 31", "day", _day_of_month, source),
        _feature(
            "sessions_since_month_start",
            "sessions of the month before this one",
            "sessions",
            _since_month_start,
            source,
        ),
        _feature(
            "sessions_to_quarter_end",
            "scheduled sessions left in the quarter",
            "sessions",
            _to_quarter_end,
            source,
        ),
        _feature(
            "is_turn_of_month",
            f"the month's last scheduled session or one of its first {TURN_SESSIONS}",
            "flag",
            _is_turn_of_month,
            "Lakonishok and Smidt (1988)",
        ),
        _feature(
            "sessions_to_options_expiry",
            "scheduled sessions to the third Friday's expiry, 0 on its day; the session before "
            "where that Friday is a holiday",
            "sessions",
            _to_options_expiry,
            "Cboe, standard monthly options",
        ),
        _feature(
            "is_half_day",
            "the session closes early",
            "flag",
            lambda: session_table()["is_half_day"].to_numpy("float64"),
            source,
        ),
        _feature(
            "sessions_since_holiday",
            "sessions since the last weekday without one; 0 on the session after it",
            "sessions",
            _since_holiday,
            source,
        ),
    )


def _feature(
    name: str, formula: str, unit: str, of_sessions: Callable[[], Values], source: str
) -> Feature:
    def compute(panel: Panel) -> Values:
        return np.asarray(of_sessions()[panel.session])

    return Feature(
        name=name,
        family="calendar",
        formula=formula,
        unit=unit,
        lookback_sessions=1,
        inputs=("calendar.session_date",),
        source=source,
        known_at_rule="published years ahead",
        compute=compute,
    )


@lru_cache(maxsize=1)
def scheduled_days() -> pd.DatetimeIndex:
    """Return the days on which trading was scheduled: sessions, and closures at short notice."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar("XNYS", start=CALENDAR_START, end=CALENDAR_END)
    sudden = pd.DatetimeIndex(calendar.adhoc_holidays).tz_localize(None)
    dates = pd.DatetimeIndex(session_table()["session_date"])
    sudden = sudden[(sudden > dates[0]) & (sudden < dates[-1]) & (sudden.dayofweek < 5)]
    return pd.DatetimeIndex(sorted({*dates, *sudden}))


def _dates() -> pd.DatetimeIndex:
    return pd.DatetimeIndex(session_table()["session_date"])


def _day_of_month() -> Values:
    return _dates().day.to_numpy("float64")


def _since_month_start() -> Values:
    dates = pd.Series(_dates())
    return np.asarray(dates.groupby(dates.dt.to_period("M")).cumcount(), dtype="float64")


def _left_in(period: str) -> Values:
    """Return the scheduled days after each session within its month or quarter."""
    days = pd.Series(scheduled_days())
    left = days.groupby(days.dt.to_period(period)).cumcount(ascending=False)
    return np.asarray(left, dtype="float64")[scheduled_days().get_indexer(_dates())]


def _to_quarter_end() -> Values:
    return _left_in("Q")


def _is_turn_of_month() -> Values:
    is_turn = (_left_in("M") == 0) | (_since_month_start() < TURN_SESSIONS)
    return np.asarray(is_turn, dtype="float64")


def _to_options_expiry() -> Values:
    days = scheduled_days()
    months = pd.period_range(days[0], days[-1], freq="M").to_timestamp()
    fridays = months + pd.to_timedelta((4 - months.dayofweek) % 7 + 14, unit="D")
    # The last scheduled day at or before the Friday: the day before where it is a holiday.
    expiries = days.searchsorted(fridays, side="right") - 1
    places = days.get_indexer(_dates())
    following = np.searchsorted(expiries, places, side="left")
    has_one = following < expiries.size
    nearest = expiries[np.minimum(following, expiries.size - 1)]
    return np.where(has_one, (nearest - places).astype("float64"), np.nan)


def _since_holiday() -> Values:
    dates = _dates().to_numpy().astype("datetime64[D]")
    is_after = np.zeros(dates.size, dtype=bool)
    is_after[1:] = np.busday_count(dates[:-1], dates[1:]) > 1
    places = np.arange(dates.size)
    last = np.maximum.accumulate(np.where(is_after, places, -1))
    return np.where(last >= 0, (places - last).astype("float64"), np.nan)
