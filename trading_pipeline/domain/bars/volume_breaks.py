"""Where minute volume moves to another level and stays: one venue turned into all, or back.

Volume spikes pass and whole markets grow busy together; a feed that changes what it counts moves
every symbol of the vendor at one session and leaves the consolidated daily volume as it was.
"""

import math

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import VolumeBreaksConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

BREAK_COLUMNS = (
    "symbol",
    "session_date",
    "vendor",
    "volume_before",
    "volume_after",
    "ratio",
    "daily_share_ratio",
    "n_symbols",
    "n_breaking",
    "evidence",
    "known_at",
)
# The sessions compared must lie this close, in lengths of one side: levels years apart differ
# for other reasons.
MAX_SPAN_SIDES = 3


def find_volume_breaks(levels: pd.DataFrame, config: VolumeBreaksConfig) -> pd.DataFrame:
    """Return the columns of `bars.volume_breaks`, sorted by symbol and session.

    A symbol breaks at session s where, with k = `config.sessions`,
    1. the median level of s and the k - 1 sessions after it, over that of the k sessions before
       it, is at least `config.factor` up or down, and
    2. the step into s is the largest, in that direction, of the k - 1 steps on either side.
    The break is told only with evidence that the feed changed, not the market: `vendor_wide`, at
    least `config.min_symbols` symbols of the vendor can be judged at s and the share
    `config.min_share` of them breaks there in the same direction; or `daily_share`, the share of
    daily volume that the minutes hold moves by the factor too.

    Args:
        levels: symbol, session_date, vendor, minute_volume (shares, above zero: the session's
            median minute), daily_share (regular minute volume / daily volume, or NaN); one row per
            symbol and session, in any order.
        config: Lengths, factor and shares of the rule.

    A row reads 2k sessions, so it is known at the close of the last of them, over all symbols that
    speak for it. Cutting the data there changes no row known by then.
    """
    rows = levels.sort_values(["symbol", "session_date"], ignore_index=True)
    parts = [_judged(group, config) for _, group in rows.groupby("symbol", sort=True)]
    judged = pd.concat([p for p in parts if len(p)] or [_judged(rows.iloc[:0], config)])
    session = judged.groupby(["vendor", "session_date"])
    judged["n_symbols"] = session["symbol"].transform("size")
    judged["last_seen"] = session["last_seen"].transform("max")
    same_way = judged.groupby(["vendor", "session_date", "direction"])
    judged["n_breaking"] = same_way["breaks"].transform("sum")
    is_wide = (judged["n_symbols"] >= config.min_symbols) & (
        judged["n_breaking"] >= config.min_share * judged["n_symbols"]
    )
    limit = math.log(config.factor)
    share_moves = judged["direction"] * np.log(judged["daily_share_ratio"]) >= limit
    judged["evidence"] = np.select(
        [is_wide & share_moves, is_wide, share_moves],
        ["vendor_wide and daily_share", "vendor_wide", "daily_share"],
        "",
    )
    found = judged[judged["breaks"] & (judged["evidence"] != "")]
    found = found.sort_values(["symbol", "session_date"], ignore_index=True)
    closes = session_table()["closes_at"].array
    known_at = closes[found["last_seen"].to_numpy("int64")]
    counts = {name: found[name].astype("int64") for name in ("n_symbols", "n_breaking")}
    return found.assign(known_at=known_at, **counts)[list(BREAK_COLUMNS)]


def _judged(rows: pd.DataFrame, config: VolumeBreaksConfig) -> pd.DataFrame:
    """Return one row per session of one symbol that has k near sessions on both sides."""
    k = config.sessions
    n_places = max(len(rows) - 2 * k + 1, 0)
    at = np.arange(n_places) + k
    ordinals = session_ordinals(rows["session_date"])
    volume = rows["minute_volume"].to_numpy("float64")
    share = rows["daily_share"].to_numpy("float64")
    steps = np.diff(np.log(volume), prepend=0.0)
    before, after = _side_medians(volume, k, n_places)
    share_before, share_after = _side_medians(share, k, n_places)
    direction = np.where(after >= before, 1, -1)
    # The steps into s - k + 1 .. s + k - 1: all lie inside the 2k sessions.
    around = _windows(steps, 2 * k - 1, n_places, 1) * direction[:, None]
    largest = around.argmax(axis=1) == k - 1 if n_places else np.empty(0, dtype=bool)
    ratio = after / before
    judged = pd.DataFrame(
        {
            "symbol": rows["symbol"].to_numpy(object)[at],
            "session_date": rows["session_date"].to_numpy("datetime64[ns]")[at],
            "vendor": rows["vendor"].to_numpy(object)[at],
            "volume_before": before,
            "volume_after": after,
            "ratio": ratio,
            "daily_share_ratio": share_after / share_before,
            "direction": direction,
            "breaks": (direction * np.log(ratio) >= math.log(config.factor)) & largest,
            "last_seen": ordinals[at + k - 1],
        }
    )
    near = ordinals[at + k - 1] - ordinals[at - k] < MAX_SPAN_SIDES * k
    return judged[near]


def _side_medians(
    values: NDArray[np.float64], k: int, n_places: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the medians of the k values before and the k values from each place on."""
    medians = np.median(_windows(values, k, n_places + k if n_places else 0, 0), axis=1)
    return medians[:n_places], medians[k:]


def _windows(
    values: NDArray[np.float64], width: int, n_windows: int, first: int
) -> NDArray[np.float64]:
    if not n_windows:
        return np.empty((0, width))
    windows: NDArray[np.float64] = sliding_window_view(values, width)[first : first + n_windows]
    return windows
