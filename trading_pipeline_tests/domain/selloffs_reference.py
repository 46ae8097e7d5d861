"""Falls past a rung, from minute bars in memory; the rows of `selloffs_events.sql` beside it."""

from collections.abc import Sequence

import pandas as pd

EVENT_COLUMNS = (
    "symbol",
    "session_date",
    "rung",
    "detected_at",
    "session_open",
    "low",
    "close",
    "volume",
    "drop_frac",
)
SESSION = ["symbol", "session_date"]


def find_events(minutes: pd.DataFrame, rungs: Sequence[float]) -> pd.DataFrame:
    """Return selloffs.events: per symbol, session and rung, the first minute that reached it.

    `minutes` holds rows of bars.minute in any order; only regular minutes count. `rungs` are
    positive fractions of the session's open, the open of its first regular minute. A minute
    reaches a rung where its low is at most open x (1 - rung), and is known at its close.
    `volume` is missing where the bar has none.
    """
    regular = minutes[minutes["is_regular"].astype(bool)].sort_values([*SESSION, "opens_at"])
    regular = regular.assign(
        session_open=regular.groupby(SESSION)["open"].transform("first"),
        detected_at=regular["closes_at"],
    )
    reached = [
        regular[regular["low"] <= regular["session_open"] * (1 - rung)]
        .drop_duplicates(SESSION, keep="first")
        .assign(rung=rung)
        for rung in sorted(set(rungs))
    ]
    events = pd.concat(reached) if reached else regular.iloc[:0].assign(rung=0.0)
    events["drop_frac"] = events["low"] / events["session_open"] - 1
    ordered = events.sort_values([*SESSION, "rung"], ignore_index=True)
    return ordered[list(EVENT_COLUMNS)].astype({"rung": "float64"})
