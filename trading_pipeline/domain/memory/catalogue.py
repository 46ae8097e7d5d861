"""The rare-event catalogue, and what the data hold of it."""

import pandas as pd

from trading_pipeline.contracts.data_config import MemoryConfig

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
    for event in config.catalogue:
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
