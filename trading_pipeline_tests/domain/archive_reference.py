"""The archive read in pandas, written without the query's text, so that the two must agree."""

import numpy as np
import pandas as pd

ARCHIVE_KEYS = (
    "event",
    "symbol",
    "session_date",
    "session",
    "event_regime",
    "regime",
    "label",
    "catalogue_version",
)


def archive_rows(events, labels, regimes):
    """Return the keys of memory.archive: every label of a session with a regime, in an event."""
    catalogue = events.sort_values("first_date", ignore_index=True)
    dates = pd.to_datetime(labels["session_date"]).to_numpy("datetime64[ns]")
    first = catalogue["first_date"].to_numpy("datetime64[ns]")
    last = catalogue["last_date"].to_numpy("datetime64[ns]")
    position = np.searchsorted(first, dates, side="right") - 1
    inside = position >= 0
    inside[inside] = dates[inside] <= last[position[inside]]
    chosen = catalogue.iloc[position[inside]]
    rows = labels.loc[inside, ["symbol", "session_date", "session", "label"]]
    archive = rows.assign(
        label=rows["label"].astype("float64"),
        event=chosen["event"].to_numpy(),
        event_regime=chosen["regime"].to_numpy(),
        catalogue_version=chosen["catalogue_version"].to_numpy(),
        regime=regimes.set_index("session")["regime"].reindex(rows["session"]).to_numpy(),
    ).dropna(subset=["regime"])
    return archive.sort_values(["symbol", "session"], ignore_index=True)[list(ARCHIVE_KEYS)]
