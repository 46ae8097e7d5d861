"""Which model speaks in which role about which sessions; a session once said is never said again.

Live, the holder of a role speaks about the newest session. Where sessions came in unseen, those
who held the role then speak about them, so that a backfill says what live would have said.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from trading_pipeline.domain.gate.decisions import service_roles

CHAMPION, SHADOW = "champion", "shadow"


class Speaker(NamedTuple):
    """A model that speaks in a role about every session of a span, both ends included."""

    role: str
    model_version: str
    first_session: int
    last_session: int


class Candidate(NamedTuple):
    """The judged model: it speaks in shadow until the first challenger is staged."""

    model_version: str
    first_session: int


def find_speakers(
    decisions: pd.DataFrame,
    as_of: Mapping[str, int],
    said: pd.DataFrame,
    last_session: int,
    candidate: Candidate | None = None,
) -> tuple[Speaker, ...]:
    """Return who has something left to say, up to the last session of the data.

    A model begins with the session at whose close it was fitted, its `as_of`: it knows nothing
    later. The one before it in the role ends there and has said that session too. A model that
    takes a role later than it was fitted, such as a promoted challenger, goes on after the last
    session that the role or the model itself has said. A challenger that was promoted has left
    the shadow.

    Args:
        decisions: Rows of gate.decisions, in any order.
        as_of: Last session that a fit could know, by model version. A version that is missing
            cannot be read any more: it stays silent, and the others speak as if it had not been.
        said: role, model_version and last_session: how far each has come; possibly no row.
        last_session: Ordinal of the last session of the data.
        candidate: The judged model, with the first session of its hold-out.
    """
    held = service_roles(decisions)
    in_order = decisions.sort_values("decision_id")
    champions = in_order.loc[in_order["role"] == CHAMPION, "model_version"].tolist()
    shadows = in_order.loc[in_order["role"] == SHADOW, "model_version"].tolist()
    begins = dict(as_of)
    if candidate is not None:
        shadows = [candidate.model_version, *shadows]
        begins[candidate.model_version] = candidate.first_session
    champions, shadows = ([v for v in own if v in begins] for own in (champions, shadows))
    promoted = set(champions) - {held[SHADOW]}
    return (
        *_walk(CHAMPION, champions, begins, said, last_session, frozenset()),
        *_walk(SHADOW, shadows, begins, said, last_session, frozenset(promoted)),
    )


def _walk(
    role: str,
    versions: Sequence[str],
    begins: Mapping[str, int],
    said: pd.DataFrame,
    last_session: int,
    silent: frozenset[str],
) -> Iterator[Speaker]:
    """Give what each holder of a role has left to say, the first holder first."""
    own = said.groupby("model_version")["last_session"].max().to_dict()
    until = said.loc[said["role"] == role, "last_session"].max()
    until = -1 if pd.isna(until) else int(until)
    for version, successor in zip(versions, [*versions[1:], None], strict=False):
        first = begins[version] if begins[version] >= until else until + 1
        first = max(first, own.get(version, -1) + 1)
        last = last_session if successor is None else begins[successor]
        if version not in silent and first <= last:
            yield Speaker(role, version, int(first), int(last))
            own[version] = until = int(last)
