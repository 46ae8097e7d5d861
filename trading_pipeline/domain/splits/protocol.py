"""The evaluation protocol: the calendar edges that make scores comparable, fixed until renewed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import SplitsConfig
from trading_pipeline.domain.bars.sessions import session_ordinals, session_table

Scheme: TypeAlias = Literal["walk_forward", "purged_kfold"]
# The fit on the whole training span: the judged model, whose test block is the hold-out.
FINAL_BLOCK = 0


@dataclass(frozen=True, slots=True)
class Protocol:
    """Edges of training span, test blocks and hold-out. Scores compare only between equal ids.

    Block k covers the sessions from `block_starts[k - 1]` to the next start; the last one ends
    where labels would touch the hold-out.
    """

    protocol_id: str
    universe_id: str
    holdout_start: date
    holdout_end: date
    train_start: date
    block_starts: tuple[date, ...]
    scheme: Scheme
    embargo_sessions: int

    @property
    def holdout_opens(self) -> int:
        """Ordinal of the hold-out's first session."""
        return ordinal(self.holdout_start)

    @property
    def opens(self) -> dict[int, int]:
        """The cut of each fit: block -> ordinal that no training span may reach."""
        starts = enumerate(self.block_starts, start=1)
        return {k: ordinal(start) for k, start in starts} | {FINAL_BLOCK: self.holdout_opens}

    @property
    def blocks(self) -> list[int]:
        """The blocks that are fitted: the first has nothing before it; the final fit last."""
        return [*range(2, len(self.block_starts) + 1), FINAL_BLOCK]

    def record(self) -> dict[str, Any]:
        """Return the columns of `splits.protocols` but `created_at`."""
        starts = json.dumps([start.isoformat() for start in self.block_starts])
        return asdict(self) | {"block_starts": starts}


def protocol_of_record(record: Mapping[str, Any]) -> Protocol:
    """Return the protocol of a row of `splits.protocols`.

    Raises ValueError where the row's id is not the hash of its fields.
    """
    edges = ("holdout_start", "holdout_end", "train_start")
    starts = json.loads(record["block_starts"])
    protocol = with_id(
        Protocol(
            protocol_id="",
            universe_id=str(record["universe_id"]),
            block_starts=tuple(date.fromisoformat(start) for start in starts),
            scheme=record["scheme"],
            embargo_sessions=int(record["embargo_sessions"]),
            **{edge: pd.Timestamp(record[edge]).date() for edge in edges},
        )
    )
    if protocol.protocol_id != record["protocol_id"]:
        raise ValueError(
            f"protocol {record['protocol_id']} does not match its fields; "
            "restore splits.protocols from the backup"
        )
    return protocol


def make_protocol(
    sessions: pd.DatetimeIndex,
    labels: pd.DataFrame,
    config: SplitsConfig,
    universe_id: str,
) -> Protocol:
    """Fix the protocol from the data at hand.

    The hold-out is the configured dates, else the last `holdout_sessions` sessions. The sessions
    before it whose labels end before it are tiled into `n_folds` blocks by date.

    Args:
        sessions: Session dates of the data.
        labels: Rows of `labels.direction`; closed ones with a label make the training span.
        config: Scheme, folds, embargo, hold-out.
        universe_id: What the protocol is good for.

    Raises:
        ValueError: If the hold-out lies outside the data, or the sessions before it do not fill
            the blocks; the message says what to change.
    """
    known = pd.DatetimeIndex(sessions).unique().sort_values()
    start, end = holdout_edges(known, config)
    opens = ordinal(start.date())
    trains = is_labelled(labels) & (labels["end_session"].to_numpy("int64") < opens)
    dates = pd.DatetimeIndex(labels.loc[trains, "session_date"]).unique().sort_values()
    if len(dates) < config.n_folds * 2:
        raise ValueError(
            f"{len(dates)} labelled sessions end before the hold-out of {start.date()}; "
            f"{config.n_folds} blocks need at least {config.n_folds * 2}: give earlier bars, "
            "fewer splits.n_folds or a shorter splits.holdout_sessions"
        )
    blocks = np.array_split(np.arange(len(dates)), config.n_folds)
    return with_id(
        Protocol(
            protocol_id="",
            universe_id=universe_id,
            holdout_start=start.date(),
            holdout_end=end.date(),
            train_start=dates[0].date(),
            block_starts=tuple(dates[block[0]].date() for block in blocks),
            scheme=config.scheme,
            embargo_sessions=config.embargo_sessions,
        )
    )


def judgeable_sessions(labels: pd.DataFrame) -> pd.DatetimeIndex:
    """Return the session dates that a derived hold-out may lie in, in order.

    Data may go on with too few symbols for any label, minute bars of some names for instance: such
    a thin end judges nothing and is left out. Sessions that are open at the end of the data stay.

    Args:
        labels: Rows of `labels.direction` in any order.
    """
    by_session = labels.assign(is_labelled=labels["label"].notna()).groupby("session_date")
    dates = by_session[["is_labelled", "is_closed"]].any()
    labelled = dates.index[dates["is_labelled"]]
    if labelled.empty:
        return pd.DatetimeIndex(dates.index)
    is_thin = dates["is_closed"] & (dates.index > labelled.max())
    known = dates.index[~is_thin.cummax()]
    return pd.DatetimeIndex(known)


def holdout_edges(
    sessions: pd.DatetimeIndex, config: SplitsConfig
) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the first session of the hold-out and its last date.

    Without configured dates it is the last `holdout_sessions` sessions, at most
    `holdout_max_frac` of all, from the first session of a month on: an edge a person remembers.
    """
    # A configured end may lie after the data; it is then the last session up to that date.
    calendar = pd.DatetimeIndex(session_table()["session_date"])
    end = calendar[calendar <= pd.Timestamp(config.holdout_end or sessions.max())][-1]
    inside = sessions[sessions <= end]
    if config.holdout_start is not None:
        inside = inside[inside >= pd.Timestamp(config.holdout_start)]
    else:
        n_sessions = min(config.holdout_sessions, int(len(inside) * config.holdout_max_frac))
        inside = from_month_start(inside, n_sessions)
    if inside.empty:
        raise ValueError(
            f"no session between {config.holdout_start} and {end.date()} in data of "
            f"{sessions.min().date()} to {sessions.max().date()}; move splits.holdout_start and "
            "splits.holdout_end into the data"
        )
    return inside[0], end


def from_month_start(sessions: pd.DatetimeIndex, n_last: int) -> pd.DatetimeIndex:
    """Return the last sessions, without the part of a month they begin in the middle of.

    A stretch that lies inside one month stays as it is.
    """
    last = sessions[len(sessions) - n_last :]
    month = last.to_period("M")
    begins_inside = 0 < n_last < len(sessions) and sessions[-n_last - 1].to_period("M") == month[0]
    whole = last[month > month[0]] if begins_inside else last
    return last if whole.empty else whole


def renewal_due(protocol: Protocol, last_session: date, config: SplitsConfig) -> bool:
    """Tell whether so many sessions came after the hold-out that new edges are due.

    A hold-out of configured dates is never renewed.
    """
    if config.holdout_start is not None or config.holdout_end is not None:
        return False
    n_since = ordinal(last_session) - ordinal(protocol.holdout_end)
    return n_since > config.renew_after_sessions


def is_labelled(labels: pd.DataFrame) -> NDArray[np.bool_]:
    """Return where a label is closed and has a value: only such rows train or test."""
    is_labelled_row: NDArray[np.bool_] = (labels["is_closed"] & labels["label"].notna()).to_numpy(
        dtype=bool
    )
    return is_labelled_row


def ordinal(day: date) -> int:
    """Return the ordinal of a session. Raises ValueError where the date is no session."""
    found = int(session_ordinals(pd.DatetimeIndex([day]))[0])
    if found < 0:
        raise ValueError(f"{day} is no session of the exchange; give a trading day")
    return found


def with_id(protocol: Protocol) -> Protocol:
    """Return the protocol with the hash of its other fields as its id."""
    fields = {name: value for name, value in protocol.record().items() if name != "protocol_id"}
    text = json.dumps(fields, sort_keys=True, default=str)
    return replace(protocol, protocol_id=hashlib.sha256(text.encode()).hexdigest()[:16])
