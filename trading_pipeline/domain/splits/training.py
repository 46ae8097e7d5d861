"""Which labels a fit may see before a cut, and which the hold-out keeps for the judge."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.splits.protocol import Protocol, is_labelled, ordinal


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Rows of a training set, each once.

    `rows` are positions into the labels, ordered by symbol and session. `event` names the rare
    event of each row that only the archive brings, and is None for a row of the rolling window.
    """

    rows: NDArray[np.intp]
    event: NDArray[np.object_]


def training_rows(
    labels: pd.DataFrame,
    protocol: Protocol | None,
    before_session: int,
    window_sessions: int,
    archive_keys: pd.DataFrame | None = None,
) -> TrainingRows:
    """Return the rolling window before a cut, and the archive rows older than it.

    A row may train only where its label is closed, its span ends before `before_session`, and
    before the hold-out. The window is the last `window_sessions` sessions that hold such a row.
    An event serves only once its last archived session lies before the cut.

    Args:
        labels: Rows of `labels.direction`, in any order.
        protocol: Protocol whose hold-out is kept out; None for a refit after the verdict.
        before_session: Ordinal that no label span may reach.
        window_sessions: Length of the window.
        archive_keys: Every row of `memory.archive`: event, symbol, session. None: no archive.
    """
    cut = before_session if protocol is None else min(before_session, protocol.holdout_opens)
    usable = is_labelled(labels) & (labels["end_session"] < cut).to_numpy(dtype=bool)
    session = labels["session"].to_numpy("int64")
    held = np.unique(session[usable])[-window_sessions:]
    opens = int(held[0]) if len(held) else cut
    event: NDArray[np.object_] = np.full(len(labels), None, dtype=object)
    if archive_keys is not None and len(archive_keys):
        event = archived_events(labels, archive_keys, cut)
    in_window = usable & (session >= opens)
    is_archived = usable & (session < opens) & np.array([name is not None for name in event])
    chosen = np.flatnonzero(in_window | is_archived)
    order = labels.iloc[chosen][["symbol", "session"]].reset_index(drop=True)
    rows = chosen[order.sort_values(["symbol", "session"]).index.to_numpy()]
    event[in_window] = None
    return TrainingRows(rows, event[rows])


def archived_events(
    labels: pd.DataFrame, archive_keys: pd.DataFrame, cut: int
) -> NDArray[np.object_]:
    """Return the rare event of each label among those that ended before the cut, else None."""
    last_session = archive_keys.groupby("event")["session"].transform("max")
    keys = archive_keys.loc[last_session < cut, ["event", "symbol", "session"]]
    keys = keys.drop_duplicates(["symbol", "session"])
    joined = labels[["symbol", "session"]].merge(keys, on=["symbol", "session"], how="left")
    event: NDArray[np.object_] = np.full(len(labels), None, dtype=object)
    is_found = joined["event"].notna().to_numpy(dtype=bool)
    event[is_found] = joined.loc[is_found, "event"]
    return event


def holdout_rows(labels: pd.DataFrame, protocol: Protocol) -> NDArray[np.bool_]:
    """Return which labels the hold-out holds: drawn inside it and closed."""
    dates = pd.to_datetime(labels["session_date"])
    inside = dates.between(
        pd.Timestamp(protocol.holdout_start), pd.Timestamp(protocol.holdout_end)
    ).to_numpy(dtype=bool)
    return is_labelled(labels) & inside


def holdout_table(labels: pd.DataFrame, protocol: Protocol) -> pd.DataFrame:
    """Return the one row of `splits.holdout`: its edges and what they hold and cut off."""
    inside = holdout_rows(labels, protocol)
    opens = ordinal(protocol.holdout_start)
    before = (labels["session"] < opens).to_numpy(dtype=bool)
    touching = (labels["end_session"] >= opens).to_numpy(dtype=bool)
    return pd.DataFrame(
        {
            "protocol_id": [protocol.protocol_id],
            "holdout_start": [pd.Timestamp(protocol.holdout_start)],
            "holdout_end": [pd.Timestamp(protocol.holdout_end)],
            "n_sessions": [int(labels.loc[inside, "session"].nunique())],
            "n_rows": [int(inside.sum())],
            "n_purged": [int((is_labelled(labels) & before & touching).sum())],
        }
    )
