"""New York days and instants: the edges of a wanted range, and sessions of daily bars."""

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

NEW_YORK = "America/New_York"
Instants = npt.NDArray[np.datetime64]


def day_start(day: date) -> pd.Timestamp:
    """Return midnight of a New York date as a naive UTC instant."""
    return pd.Timestamp(day).tz_localize(NEW_YORK).tz_convert("UTC").tz_localize(None)


def day_end(day: date) -> pd.Timestamp:
    """Return the first instant after a New York date, naive UTC."""
    return day_start(day + timedelta(days=1))


def iso(instant: pd.Timestamp) -> str:
    """Return a naive UTC instant as vendors read it."""
    return instant.isoformat() + "Z"


def new_york_midnights(instants: Instants) -> tuple[Instants, npt.NDArray[np.bool_]]:
    """Return (New York date of each naive UTC instant, whether it is that date's midnight)."""
    local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(NEW_YORK).tz_localize(None)
    dates = local.normalize()
    return dates.to_numpy("datetime64[ns]"), np.asarray(local == dates)
