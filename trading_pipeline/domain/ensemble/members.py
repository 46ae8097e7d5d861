"""Fitted ensembles: base learners from a recipe, their joint prediction, and their files."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.ensemble.recipe import MemberRecipe, Recipe
from trading_pipeline.domain.ensemble.stack import STACK, Calibrator, MetaLearner, Stack
from trading_pipeline.domain.sweeps.learners import (
    LEARNERS,
    Learner,
    Matrix,
    learner_from_bytes,
    new_learner,
)

META_FILE = "meta_learner.skops"
CALIBRATOR_FILE = "calibrator.json"
RECIPE_FILE = "recipe.json"
# A learner that diverged says so on any rows.
PROBED_ROWS = 100


@dataclass(frozen=True, slots=True)
class Member:
    """A fitted base learner and what it was made from."""

    recipe: MemberRecipe
    model: Learner

    def predict(self, X: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Probability of label 1 for each row of a frame that holds the member's features."""
        return self.model.predict(feature_matrix(X, self.recipe.features))


def feature_matrix(X: pd.DataFrame, features: Sequence[str]) -> Matrix:
    """The named columns in order, float32, NaN as missing, infinities as missing.

    Raises ValueError naming the features the frame lacks.
    """
    lacking = [name for name in features if name not in X.columns]
    if lacking:
        raise ValueError(f"the frame lacks the features {', '.join(lacking[:5])}")
    values = X.loc[:, list(features)].to_numpy(np.float32)
    return np.where(np.isfinite(values), values, np.float32("nan"))


def fit_base_learners(
    recipe: Recipe,
    X: pd.DataFrame,
    y: ArrayLike,
    weights: ArrayLike,
    *,
    threads: int,
    device: Device = "cpu",
) -> tuple[Member, ...]:
    """Fit every member of the recipe on the same rows.

    As ``fit_those_that_can``, but what a learner raises is raised here.
    """
    members, errors = fit_those_that_can(recipe, X, y, weights, threads=threads, device=device)
    for error in errors.values():
        raise error
    return members


def fit_those_that_can(
    recipe: Recipe,
    X: pd.DataFrame,
    y: ArrayLike,
    weights: ArrayLike,
    *,
    threads: int,
    device: Device = "cpu",
) -> tuple[tuple[Member, ...], dict[str, Exception]]:
    """Fit the members of the recipe on the same rows; those that failed come with their error.

    ``X`` holds all features of the recipe, ``y`` (n,) is 0 or 1, ``weights`` (n,) above zero.
    Rows are taken as they come: the caller gives them in a fixed order. ``device`` is where
    boosters are fitted. Raises ValueError where one class is absent or a label is missing.
    """
    label = np.asarray(y, dtype=np.float64)
    if not np.isin(label, (0.0, 1.0)).all() or label.size == 0 or label.min() == label.max():
        raise ValueError("base learners need rows of both labels, and no label missing")
    target, weight = label.astype(np.int8), np.asarray(weights, dtype=np.float32)

    def fit(member: MemberRecipe) -> Member | Exception:
        each = max(1, threads // len(recipe.members))
        try:
            model = new_learner(
                member.learner,
                member.params,
                seed=recipe.seed,
                threads=each,
                device=device,
                columns=member.features,
            )
            matrix = feature_matrix(X, member.features)
            model.fit(matrix, target, weight, rounds=member.rounds)
            if not np.isfinite(model.predict(matrix[:PROBED_ROWS])).all():
                raise ValueError(f"{member.learner} was fitted, and gives no probability")
            return Member(member, model)
        except Exception as error:
            # Each library fails in its own words; what that means is for the caller to say.
            return error

    # Learners side by side with one thread each beat one learner with all threads.
    with ThreadPoolExecutor(max_workers=threads) as pool:
        fitted = list(pool.map(fit, recipe.members))
    return (
        tuple(found for found in fitted if isinstance(found, Member)),
        {
            own.learner: found
            for own, found in zip(recipe.members, fitted, strict=True)
            if isinstance(found, Exception)
        },
    )


def predict_base(members: Sequence[Member], X: pd.DataFrame) -> pd.DataFrame:
    """Probabilities of each member, one column a learner, on the index of ``X``."""
    return pd.DataFrame({m.recipe.learner: m.predict(X) for m in members}, index=X.index)


def predict_stack(
    members: Sequence[Member], stack: Stack, X: pd.DataFrame, regime: ArrayLike
) -> pd.DataFrame:
    """Calibrated probability of the stack, then one column a learner, on the index of ``X``.

    ``regime`` (n,) is the point-in-time regime of each row; an unknown one sets no flag.
    """
    base = predict_base(members, X)
    base.insert(0, STACK, stack.predict(base, regime))
    return base


def members_to_bytes(recipe: Recipe, members: Sequence[Member], stack: Stack) -> dict[str, bytes]:
    """File name to content: each learner in its native format, second level, recipe."""
    files = {}
    for member in members:
        suffix, content = member.model.to_bytes()
        files[member.recipe.learner + suffix] = content
    files[META_FILE] = stack.meta.to_bytes()
    files[CALIBRATOR_FILE] = stack.calibrator.to_bytes()
    files[RECIPE_FILE] = recipe.to_json().encode()
    return files


def members_from_bytes(
    files: Mapping[str, bytes], *, threads: int
) -> tuple[Recipe, tuple[Member, ...], Stack]:
    """Read what ``members_to_bytes`` wrote; predictions are equal to the bit.

    Raises ValueError naming a file that is not there.
    """
    by_stem = {name.rsplit(".", 1)[0]: content for name, content in files.items()}

    def content_of(stem: str) -> bytes:
        if stem not in by_stem:
            raise ValueError(f"the model has no file of {stem}; known learners: {LEARNERS}")
        return by_stem[stem]

    recipe = Recipe.from_json(content_of("recipe").decode())
    members = tuple(
        Member(m, learner_from_bytes(m.learner, content_of(m.learner), threads=threads))
        for m in recipe.members
    )
    meta = MetaLearner.from_bytes(content_of("meta_learner"))
    return recipe, members, Stack(meta, Calibrator.from_bytes(content_of("calibrator")))
