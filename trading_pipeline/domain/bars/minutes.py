"""The sessions that the SQL of minute bars needs, as a bound parameter."""

from datetime import date, datetime
from typing import TypedDict

import pandas as pd

from trading_pipeline.domain.bars.sessions import session_table

INTERVALS_MINUTES = (5, 10, 15, 60)


class SessionHours(TypedDict):
    """One session of the calendar: its date and regular hours, in UTC."""

    session_date: date
    opens_at: datetime
    closes_at: datetime


def session_hours(first: date, last: date) -> list[SessionHours]:
    """Return the sessions from `first` to `last`, both included; bind them as `$sessions`."""
    table = session_table()
    inside = table["session_date"].between(pd.Timestamp(first), pd.Timestamp(last))
    return [
        {
            "session_date": session.date(),
            "opens_at": opens.to_pydatetime(),
            "closes_at": closes.to_pydatetime(),
        }
        for session, opens, closes in table.loc[
            inside, ["session_date", "opens_at", "closes_at"]
        ].itertuples(index=False)
    ]
