"""The folds as a few spans of time, from one row per label."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = ["fold", "role", "first_date", "last_date"]
FINAL_FOLD = 0


def fold_blocks(folds: pd.DataFrame, protocol: Mapping[str, object]) -> pd.DataFrame:
    """Return the spans of every fold: fold, role, first_date, last_date (naive dates).

    Roles are train, purge, test, embargo and holdout. A session that belongs to some fold but
    not to this one was purged (before a test block) or lies in the embargo (after it). Fold 0 is
    the final fit with the hold-out.

    Args:
        folds: splits.folds: fold, session_date, role; one row per symbol or per session.
        protocol: train_start, holdout_start and holdout_end, any of them absent or None.
    """
    rows: list[tuple[int, str, pd.Timestamp, pd.Timestamp]] = []
    sessions = folds[["fold", "session_date", "role"]].drop_duplicates()
    calendar = pd.DatetimeIndex(sessions["session_date"].unique()).sort_values()
    for _, part in sessions.groupby("fold", sort=True):
        fold = int(part["fold"].iloc[0])
        ordered = part.sort_values(["session_date", "role"]).drop_duplicates("session_date")
        position = pd.Series(calendar.get_indexer(pd.DatetimeIndex(ordered["session_date"])))
        role = ordered["role"].reset_index(drop=True)
        run = ((position.diff() != 1) | (role != role.shift())).cumsum()
        spans = pd.DataFrame({"position": position, "role": role}).groupby(run)
        runs = [
            (str(r["role"].iloc[0]), int(r["position"].iloc[0]), int(r["position"].iloc[-1]))
            for _, r in spans
        ]
        for i, (name, first, last) in enumerate(runs):
            if i and first > runs[i - 1][2] + 1 and "test" in (name, runs[i - 1][0]):
                gap = "purge" if name == "test" else "embargo"
                rows.append((fold, gap, calendar[runs[i - 1][2] + 1], calendar[first - 1]))
            rows.append((fold, name, calendar[first], calendar[last]))
    start, end = (_date(protocol, f"holdout_{edge}") for edge in ("start", "end"))
    if len(calendar) and start is not None and end is not None:
        begin = _date(protocol, "train_start") or calendar[0]
        one = pd.Timedelta(days=1)
        rows.append((FINAL_FOLD, "train", begin, calendar[-1]))
        rows.append((FINAL_FOLD, "purge", calendar[-1] + one, start - one))
        rows.append((FINAL_FOLD, "holdout", start, end))
    return pd.DataFrame(rows, columns=COLUMNS)


def _date(protocol: Mapping[str, object], name: str) -> pd.Timestamp | None:
    value: Any = protocol.get(name)
    return None if value is None or pd.isna(value) else pd.Timestamp(value)
