"""Bars that were delivered more than once: the newest version, and what was known before it.

The first version of a bar stands for what the market printed and is known from the bar's close; a
correction is known from its delivery only, however old the bar is.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

DAY_MINUTES = 1440
VALUES = ("open", "high", "low", "close", "volume")
BAR = ("symbol", "ts")
REVISION_COLUMNS = (
    *BAR,
    "revision",
    *(f"old_{name}" for name in VALUES),
    *(f"new_{name}" for name in VALUES),
    "old_ingested_at",
    "new_ingested_at",
    "old_known_at",
    "known_at",
)


def revised_bars(deliveries: pd.DataFrame, interval_minutes: int) -> pd.DataFrame:
    """Return `bars.revisions` of one interval.

    Args:
        deliveries: One row per delivered bar: symbol, ts (naive UTC start of the bar; midnight of
            the session date for daily bars), open, high, low, close, volume, ingested_at.
        interval_minutes: 1, or `DAY_MINUTES`. Bars outside any session are left out.
    """
    local = pd.DatetimeIndex(deliveries["ts"])
    if interval_minutes != DAY_MINUTES:
        local = local.tz_localize("UTC").tz_convert("America/New_York").tz_localize(None)
    session = session_ordinals(local.normalize())
    rows = deliveries[session >= 0].assign(session=session[session >= 0])
    hours = session_table().iloc[rows["session"]]
    starts = pd.DatetimeIndex(rows["ts"]).tz_localize("UTC")
    is_daily = interval_minutes == DAY_MINUTES
    closes = (
        pd.DatetimeIndex(hours["closes_at"])
        if is_daily
        else starts + pd.Timedelta(minutes=interval_minutes)
    )
    revisions = settle_deliveries(rows.assign(known_at=closes))[1]
    dates = pd.DatetimeIndex(revisions["ts"])
    opens_at = dates.tz_localize("UTC")
    if is_daily:
        found = session_table().iloc[session_ordinals(dates)]
        opens_at = pd.DatetimeIndex(found["opens_at"])
    else:
        dates = opens_at.tz_convert("America/New_York").tz_localize(None).normalize()
    return revisions.drop(columns="ts").assign(
        interval_minutes=interval_minutes, session_date=dates, opens_at=opens_at
    )


def settle_deliveries(deliveries: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (latest, revisions) of delivered bars.

    Args:
        deliveries: One row per delivered bar, in any order: symbol, ts (start of the bar), open,
            high, low, close, volume, ingested_at (when it was fetched) and known_at (the bar's
            own first usable moment: its close), the last two tz-aware.

    Returns:
        latest: One row per symbol and ts, sorted: the version of the newest delivery, with
            ingested_at (its first delivery) and known_at (the bar's own, or that first delivery
            where it is a correction).
        revisions: One row per change, sorted, with `REVISION_COLUMNS`; `revision` counts the
            changes of a bar from 1.

    Equal values in a row, missing ones included, are one version; a version that returns after
    another is a change again. Two versions at one instant stand in the order of their values.
    """
    columns = [*BAR, *VALUES, "ingested_at", "known_at"]
    rows = deliveries[columns].sort_values(
        [*BAR, "ingested_at", *VALUES, "known_at"], ignore_index=True
    )
    follows = rows.duplicated(list(BAR)).to_numpy()
    equal = np.ones(len(rows), dtype=bool)
    for name in VALUES:
        equal &= _same(rows[name].to_numpy("float64"))
    own = rows.groupby(list(BAR))["known_at"].transform("min")
    versions = rows.assign(known_at=own)[~(follows & equal)].reset_index(drop=True)
    corrects = versions.duplicated(list(BAR))
    late = versions["known_at"].where(
        ~corrects | (versions["known_at"] >= versions["ingested_at"]), versions["ingested_at"]
    )
    versions["known_at"] = late
    bars = versions.groupby(list(BAR), sort=False)
    changed = corrects.to_numpy()
    new = versions[changed]
    old = versions[np.r_[changed[1:], False][: len(versions)]]
    revisions = pd.DataFrame(
        {
            **{name: new[name].array for name in BAR},
            "revision": bars.cumcount()[changed].to_numpy("int64"),
            **{f"old_{name}": old[name].to_numpy("float64") for name in VALUES},
            **{f"new_{name}": new[name].to_numpy("float64") for name in VALUES},
            "old_ingested_at": old["ingested_at"].array,
            "new_ingested_at": new["ingested_at"].array,
            "old_known_at": old["known_at"].array,
            "known_at": new["known_at"].array,
        },
        columns=list(REVISION_COLUMNS),
    )
    latest = versions[~versions.duplicated(list(BAR), keep="last")]
    return latest.reset_index(drop=True), revisions


def bars_as_of(latest: pd.DataFrame, revisions: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the bars as they were known at `as_of`: columns and order of `latest`.

    A bar whose first version was not known yet is left out.

    Args:
        latest: As from `settle_deliveries`.
        revisions: As from `settle_deliveries`, of the same deliveries.
        as_of: A tz-aware instant; what is known at it counts.
    """
    first = _versions(revisions[revisions["revision"] == 1], "old").assign(nth=0)
    corrected = _versions(revisions, "new").assign(nth=revisions["revision"])
    # The newest version of a revised bar stands in both frames; the later row wins.
    shown = latest.assign(nth=0)
    candidates = [part for part in (first, corrected) if len(part)]
    revised = pd.MultiIndex.from_frame(latest[list(BAR)]).isin(
        pd.MultiIndex.from_frame(revisions[list(BAR)])
    )
    whole = pd.concat([shown[~revised], *candidates], ignore_index=True)
    known = whole[whole["known_at"] <= as_of].sort_values([*BAR, "nth"])
    newest = known.drop_duplicates(list(BAR), keep="last")
    return newest[list(latest.columns)].reset_index(drop=True)


def _versions(revisions: pd.DataFrame, side: str) -> pd.DataFrame:
    """Return one side of each change in the columns of `latest`."""
    known_at = "old_known_at" if side == "old" else "known_at"
    names = {f"{side}_{name}": name for name in (*VALUES, "ingested_at")} | {known_at: "known_at"}
    return revisions[[*BAR, *names]].rename(columns=names)


def _same(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell of each value whether it equals the one before it; missing equals missing."""
    earlier = np.r_[np.nan, values[:-1]][: len(values)]
    same: NDArray[np.bool_] = (values == earlier) | (np.isnan(values) & np.isnan(earlier))
    return same
