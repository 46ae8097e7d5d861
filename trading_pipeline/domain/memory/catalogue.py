"""The rare-event catalogue, and which labelled rows the archive remembers of it."""

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import MemoryConfig
from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME

EVENT_COLUMNS = (
    "event",
    "first_date",
    "last_date",
    "regime",
    "weight",
    "catalogue_version",
    "n_sessions",
    "n_symbols",
)
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


def rare_event_table(config: MemoryConfig, bar_keys: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `memory.rare_events`: each event with what the data hold of it.

    Args:
        config: The catalogue; its events never overlap.
        bar_keys: symbol and session_date of every daily bar of an equity.

    Returns:
        One row per event of the catalogue, oldest first; an event without data counts zero
        sessions and zero symbols.
    """
    dates = pd.to_datetime(bar_keys["session_date"])
    rows = []
    for event in sorted(config.events, key=lambda event: event.first_date):
        first, last = pd.Timestamp(event.first_date), pd.Timestamp(event.last_date)
        inside = bar_keys[(dates >= first) & (dates <= last)]
        rows.append(
            {
                "event": event.event,
                "first_date": first,
                "last_date": last,
                "regime": event.regime,
                "weight": event.weight,
                "catalogue_version": config.catalogue_version,
                "n_sessions": inside["session_date"].nunique(),
                "n_symbols": inside["symbol"].nunique(),
            }
        )
    table = pd.DataFrame(rows, columns=list(EVENT_COLUMNS))
    dated = {"first_date": "datetime64[ns]", "last_date": "datetime64[ns]"}
    return table.astype({**dated, "n_sessions": "int64", "n_symbols": "int64"})


def archive_rows(events: pd.DataFrame, labels: pd.DataFrame, regimes: pd.DataFrame) -> pd.DataFrame:
    """Return the keys of `memory.archive`: every label drawn inside an event, once.

    Args:
        events: Rows of `memory.rare_events`.
        labels: Rows of `labels.direction`.
        regimes: Rows of `regimes.market`; a session without one is `unknown`.

    Returns:
        The columns of `memory.archive` without features, ordered by symbol and session. `label`
        is float, NaN while open. `event_regime` rules sampling and weights, `regime` scores.
    """
    catalogue = events.sort_values("first_date", ignore_index=True)
    dates = pd.to_datetime(labels["session_date"]).to_numpy("datetime64[ns]")
    first = catalogue["first_date"].to_numpy("datetime64[ns]")
    last = catalogue["last_date"].to_numpy("datetime64[ns]")
    # Spans never overlap, so the event that began last is the only one a date can lie in.
    position = np.searchsorted(first, dates, side="right") - 1
    inside = position >= 0
    inside[inside] = dates[inside] <= last[position[inside]]
    chosen = catalogue.iloc[position[inside]]
    rows = labels.loc[inside, ["symbol", "session_date", "session", "label"]]
    regime_of = regimes.set_index("session")["regime"]
    archive = rows.assign(
        label=rows["label"].astype("float64"),
        event=chosen["event"].to_numpy(),
        event_regime=chosen["regime"].to_numpy(),
        catalogue_version=chosen["catalogue_version"].to_numpy(),
        regime=regime_of.reindex(rows["session"]).fillna(UNKNOWN_REGIME).to_numpy(),
    )
    ordered = archive.sort_values(["symbol", "session"], ignore_index=True)
    return ordered[list(ARCHIVE_KEYS)]
