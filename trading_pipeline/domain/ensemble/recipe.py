"""The recipe: everything that must be repeated to fit the same ensemble on other rows.

What the gate judges is a recipe (features, parameters, rounds, seeds, sampling), not a file:
two recipes with one id, given the same rows, give the same models to the bit.
"""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from trading_pipeline.contracts.config import (
    EnsembleConfig,
    LabelsConfig,
    SamplingConfig,
    SplitsConfig,
)
from trading_pipeline.domain.ensemble.stack import CalibrationKind, MetaKind, second_level
from trading_pipeline.domain.sweeps.learners import canonical_json
from trading_pipeline.domain.sweeps.spaces import Candidate, Choice


@dataclass(frozen=True, slots=True)
class MemberRecipe:
    """One base learner: the columns it reads, in order, and how it is fitted."""

    learner: str
    features: tuple[str, ...]
    params: Mapping[str, float | int]
    windows: Mapping[str, Choice]
    rounds: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Base learners, second level, and the settings that choose and weigh the training rows."""

    members: tuple[MemberRecipe, ...]
    meta_learner: MetaKind
    calibration: CalibrationKind
    calibration_frac: float
    seed: int
    settings: Mapping[str, Any]

    @property
    def recipe_id(self) -> str:
        """sha256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def learners(self) -> tuple[str, ...]:
        """Names of the base learners, in order."""
        return tuple(member.learner for member in self.members)

    @property
    def ranked(self) -> tuple[str, ...]:
        """Names of the features that the base learners read as ranks within the session."""
        return tuple(self.settings.get("ranked", ()))

    def keeping(self, learners: Collection[str]) -> "Recipe":
        """Return the recipe with only those of its base learners."""
        kept = tuple(member for member in self.members if member.learner in learners)
        return replace(self, members=kept)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, shortest exact floats, nothing of the machine."""
        members = [
            {
                "learner": m.learner,
                "features": list(m.features),
                "params": dict(m.params),
                "windows": dict(m.windows),
                "rounds": m.rounds,
            }
            for m in self.members
        ]
        return canonical_json(
            {
                "members": members,
                "meta_learner": self.meta_learner,
                "calibration": self.calibration,
                "calibration_frac": self.calibration_frac,
                "seed": self.seed,
                "settings": dict(self.settings),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Read what ``to_json`` wrote."""
        record = json.loads(text)
        members = tuple(
            MemberRecipe(
                m["learner"], tuple(m["features"]), m["params"], m["windows"], int(m["rounds"])
            )
            for m in record.pop("members")
        )
        return cls(members=members, **record)


def build_recipe(
    best: pd.DataFrame,
    features_for: Mapping[str, Sequence[str]],
    *,
    ensemble: EnsembleConfig,
    sampling: SamplingConfig,
    labels: LabelsConfig,
    splits: SplitsConfig,
    ranked: Collection[str] = (),
) -> Recipe:
    """Recipe from the winning trials of one block.

    ``best`` holds the rows of sweeps.best for that block, ``features_for`` the column names of
    each learner that its windows leave. Rounds are those of the search, at most
    ``ensemble.max_rounds``; ``ranked`` are features that are ranks within the session. The
    settings that choose and weigh rows are part of the recipe; the edges of the protocol are not.
    Raises ValueError where ``best`` names a learner twice.
    """
    if best["learner"].duplicated().any():
        raise ValueError("a recipe is built from one block: a learner appears twice")
    members = []
    for row in best.sort_values("learner").itertuples():
        candidate = Candidate.from_record(json.loads(str(row.params_json)))
        members.append(
            MemberRecipe(
                learner=str(row.learner),
                features=tuple(features_for[str(row.learner)]),
                params=candidate.params,
                windows=candidate.windows,
                rounds=min(int(str(row.best_round)), ensemble.max_rounds),
            )
        )
    # A switch as it always stood says nothing new of a recipe: older ones keep their names.
    unused = set() if sampling.use_replay else {"use_replay", "replay"}
    if sampling.use_weights:
        unused.add("use_weights")
    settings = {
        "sampling": sampling.model_dump(mode="json", exclude=unused),
        "labels": labels.model_dump(mode="json"),
        "window_sessions": splits.window_sessions,
        "embargo_sessions": splits.embargo_sessions,
    }
    read = {name for member in members for name in member.features}
    if read & set(ranked):
        settings["ranked"] = sorted(read & set(ranked))
    return Recipe(
        members=tuple(members),
        meta_learner=second_level(ensemble),
        calibration=ensemble.calibration,
        calibration_frac=ensemble.calibration_frac,
        seed=ensemble.seed,
        settings=settings,
    )
