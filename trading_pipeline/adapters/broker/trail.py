"""Keeps the audit trail of orders in the warehouse: selloffs.order_events."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.broker import TrailEvent

TABLE = "selloffs.order_events"
_TEXTS = ("kind", "symbol", "alert_id", "client_order_id", "broker_order_id", "status", "side")
_NUMBERS = ("quantity", "filled_quantity", "price")


class WarehouseTrail:
    """The events of one home; each append is one transaction."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def append(self, events: Sequence[TrailEvent]) -> None:
        """Keep events. Raises WarehouseBusyError where another process holds the file."""
        if events:
            self._warehouse.append(TABLE, frame_of_events(events))

    def read(self) -> tuple[TrailEvent, ...]:
        """Return every event by its sequence."""
        return events_of_frame(self._warehouse.read(f"select * from {TABLE} order by sequence"))


def frame_of_events(events: Sequence[TrailEvent]) -> pd.DataFrame:
    """Return the rows of the table."""
    frame = pd.DataFrame(
        {
            "sequence": [event.sequence for event in events],
            "happened_at": pd.to_datetime([event.happened_at for event in events], utc=True),
            "session_date": pd.to_datetime([event.session_date for event in events]),
        }
    )
    for name in _TEXTS:
        frame[name] = pd.Series([getattr(event, name) for event in events], dtype=object)
    for name in _NUMBERS:
        frame[name] = pd.Series([getattr(event, name) for event in events], dtype="float64")
    frame["payload_json"] = [json.dumps(event.payload, sort_keys=True) for event in events]
    return frame


def events_of_frame(frame: pd.DataFrame) -> tuple[TrailEvent, ...]:
    """Return the events of rows of the table."""
    events = []
    for row in frame.to_dict("records"):
        words: dict[str, Any] = {name: _present(row[name]) for name in (*_TEXTS, *_NUMBERS)}
        events.append(
            TrailEvent(
                sequence=int(row["sequence"]),
                happened_at=row["happened_at"].to_pydatetime(),
                session_date=row["session_date"].date(),
                payload=json.loads(row["payload_json"]),
                **words,
            )
        )
    return tuple(events)


def _present(value: Any) -> Any:
    return None if pd.isna(value) else value
