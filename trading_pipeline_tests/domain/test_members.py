"""A learner that fails is left out with its reason, and the others are as they would have been."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.ensemble import members as members_module
from trading_pipeline.domain.ensemble.members import (
    fit_base_learners,
    fit_those_that_can,
    members_from_bytes,
    members_to_bytes,
    predict_stack,
)
from trading_pipeline.domain.ensemble.recipe import MemberRecipe, Recipe
from trading_pipeline.domain.ensemble.stack import Calibrator, Stack, fit_meta
from trading_pipeline.domain.sweeps.deep import GRU, has_torch
from trading_pipeline.domain.sweeps.learners import LEARNERS
from trading_pipeline.domain.sweeps.spaces import default_candidate

FEATURES = ("a", "b", "c")
N_ROWS = 400


def recipe_of(*learners):
    """Return a recipe of learners with default parameters and few rounds."""
    members = tuple(
        MemberRecipe(name, FEATURES, default_candidate(name, {}).params, {}, 5)
        for name in sorted(learners)
    )
    return Recipe(members, "logistic", "platt", 0.25, 7, {})


def rows():
    rng = np.random.default_rng(2)
    X = pd.DataFrame(rng.normal(size=(N_ROWS, 3)), columns=list(FEATURES))
    return X, (X["a"] + rng.normal(size=N_ROWS) > 0).astype(int), np.ones(N_ROWS)


@pytest.fixture
def svm_fails(monkeypatch):
    real = members_module.new_learner

    def sometimes(name, *args, **kwargs):
        if name == "svm":
            raise RuntimeError("out of luck")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(members_module, "new_learner", sometimes)


@pytest.mark.usefixtures("svm_fails")
def test_the_others_are_fitted_and_the_failed_one_is_named():
    recipe = recipe_of("svm", "logistic", "lightgbm")
    fitted, errors = fit_those_that_can(recipe, *rows(), threads=2)
    assert [member.recipe.learner for member in fitted] == ["lightgbm", "logistic"]
    assert str(errors["svm"]) == "out of luck"
    alone = fit_base_learners(recipe_of("logistic", "lightgbm"), *rows(), threads=2)
    assert [m.model.to_bytes() for m in fitted] == [m.model.to_bytes() for m in alone]
    assert recipe.keeping({"lightgbm", "logistic"}) == recipe_of("logistic", "lightgbm")


@pytest.mark.usefixtures("svm_fails")
def test_who_needs_every_learner_is_told_of_the_first_that_failed():
    with pytest.raises(RuntimeError, match="out of luck"):
        fit_base_learners(recipe_of("svm", "logistic"), *rows(), threads=1)


def test_a_learner_that_gives_no_probability_has_failed(monkeypatch):
    real = members_module.new_learner

    def diverged(*args, **kwargs):
        model = real(*args, **kwargs)
        model.predict = lambda X: np.full(len(X), np.nan)
        return model

    monkeypatch.setattr(members_module, "new_learner", diverged)
    fitted, errors = fit_those_that_can(recipe_of("logistic"), *rows(), threads=1)
    assert fitted == ()
    assert "gives no probability" in str(errors["logistic"])


def test_a_stack_of_all_learners_predicts_from_its_files_as_it_did():
    X, y, weight = rows()
    recipe = recipe_of(*(name for name in LEARNERS if name != GRU or has_torch()))
    fitted = fit_base_learners(recipe, X, y, weight, threads=1)
    regime = np.full(N_ROWS, "normal", dtype=object)
    base = members_module.predict_base(fitted, X).assign(regime=regime)
    meta = fit_meta(base, y, learners=recipe.learners, kind="logistic", seed=1)
    stack = Stack(meta, Calibrator("platt", (0.0, 1.0), (0.0, 1.0)))
    files = members_to_bytes(recipe, fitted, stack)
    read, again, its_stack = members_from_bytes(files, threads=2)
    assert read == recipe
    pd.testing.assert_frame_equal(
        predict_stack(again, its_stack, X, regime),
        predict_stack(fitted, stack, X, regime),
        check_exact=True,
    )
