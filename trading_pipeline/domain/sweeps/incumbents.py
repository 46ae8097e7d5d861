"""The parameters in service, from which a new protocol's search starts.

A sweep's incumbent is chosen once, when its protocol is first searched, and written with its
trials: another search of the same protocol takes it from there, so repeating it changes nothing.
Parameters of block k may come only from searches that saw nothing after block k's cut.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.config import Objective
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol
from trading_pipeline.domain.sweeps.plan import INCUMBENT
from trading_pipeline.domain.sweeps.search import best_trials
from trading_pipeline.domain.sweeps.spaces import Candidate
from trading_pipeline.domain.sweeps.trial_book import Costs


@dataclass(frozen=True, slots=True)
class Champion:
    """The model in service: each learner's parameters, and the protocol they were searched in."""

    version: str
    protocol_id: str
    candidates: Mapping[str, Candidate]


@dataclass(frozen=True, slots=True)
class Incumbent:
    """Parameters to start from, and whose they are."""

    candidate: Candidate
    source: str


def sweep_id_of(learner: str, protocol_id: str, block: int) -> str:
    """Return the name of a sweep."""
    return f"{learner}:{protocol_id}:{block}"


def choose_incumbent(
    learner: str,
    block: int,
    protocol: Protocol,
    earlier: Mapping[str, Protocol],
    previous: pd.DataFrame,
    champion: Champion | None = None,
    *,
    objective: Objective = "auc",
    costs: Costs | None = None,
) -> Incumbent | None:
    """Return what a learner's search of a block starts from; None for a cold search.

    ``previous`` holds the learner's table as its last search left it (sweeps.trials), ``earlier``
    the known protocols by id. Where the table holds this very sweep, its incumbent is the answer,
    even if it had none. Else the final fit's is the champion's, where it has this learner; else
    the block's best trial of the last search. Both must be of a protocol of the same universe
    whose cut of this block is not later than this one's.
    """
    own = previous[previous["sweep_id"] == sweep_id_of(learner, protocol.protocol_id, block)]
    if len(own):
        started = own[own["origin"] == INCUMBENT]
        if started.empty:
            return None
        return Incumbent(_candidate(str(started["params_json"].iloc[0])), "as in the last search")
    usable = {
        protocol_id
        for protocol_id, other in earlier.items()
        if other.universe_id == protocol.universe_id
        and protocol_id != protocol.protocol_id
        and block in other.opens
        and other.opens[block] <= protocol.opens[block]
    }
    if (
        champion is not None
        and block == FINAL_BLOCK
        and champion.protocol_id in usable
        and learner in champion.candidates
    ):
        return Incumbent(champion.candidates[learner], f"champion {champion.version}")
    ids = {sweep_id_of(learner, protocol_id, block): protocol_id for protocol_id in usable}
    searched = previous[previous["sweep_id"].isin(list(ids)) & (previous["state"] == "complete")]
    if searched.empty:
        return None
    last = searched[searched["sweep_id"] == searched["sweep_id"].iloc[-1]]
    best = best_trials(last, objective, costs).iloc[0]
    source = f"best of protocol {ids[str(last['sweep_id'].iloc[0])]}"
    return Incumbent(_candidate(str(best["params_json"])), source)


def _candidate(text: str) -> Candidate:
    record = json.loads(text)
    record.pop("error", None)
    return Candidate.from_record(record)
