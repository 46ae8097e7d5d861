"""A model's file is its identity: equal fits are equal bytes, and files predict like memory."""

import hashlib

import numpy as np
import pytest

from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.sweeps.learners import LEARNERS, learner_from_bytes, new_learner
from trading_pipeline.domain.sweeps.spaces import default_candidate

# These have no chance in them.
EXACT = ("logistic", "svm")
EXPLAINED = ("lightgbm", "xgboost", "catboost", "logistic", "svm")
FITTED_AT_ONCE = ("random_forest", "extra_trees", "logistic", "svm")


def rows(n=3_000, n_columns=8, seed=0):
    """Features with holes, labels that lean on the first two, uneven weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_columns)).astype(np.float32)
    y = (X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=n) > 0).astype(np.int8)
    X[rng.random(X.shape) < 0.05] = np.nan
    return X, y, (rng.random(n) + 0.5).astype(np.float32)


def fitted(name, threads=1, seed=3, eval_set=None, weight_unit=1.0):
    X, y, w = rows()
    params = default_candidate(name, {}).params
    model = new_learner(name, params, seed=seed, threads=threads)
    return model.fit(X, y, w * np.float32(weight_unit), rounds=15, eval_set=eval_set)


@pytest.mark.parametrize("name", LEARNERS)
def test_equal_fits_have_equal_bytes_whatever_the_threads(name):
    digests = {hashlib.sha256(fitted(name, t).to_bytes()[1]).hexdigest() for t in (1, 1, 2)}
    assert len(digests) == 1


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in EXACT])
def test_a_seed_acts(name):
    X, *_ = rows()
    assert not np.array_equal(fitted(name).predict(X), fitted(name, seed=4).predict(X))


@pytest.mark.parametrize("name", LEARNERS)
def test_a_reloaded_file_predicts_the_same_bits_and_is_the_same_file(name):
    X, *_ = rows(n=500, seed=9)
    model = fitted(name)
    suffix, content = model.to_bytes()
    again = learner_from_bytes(name, content, threads=2)
    assert np.array_equal(again.predict(X), model.predict(X))
    assert again.to_bytes() == (suffix, content)


@pytest.mark.parametrize("name", LEARNERS)
def test_probabilities_are_finite_and_rank_a_planted_signal(name):
    X, y, _ = rows(seed=5)
    p = fitted(name).predict(X)
    assert p.dtype == np.float64
    assert ((p > 0) & (p < 1)).all()
    assert p[y == 1].mean() > p[y == 0].mean() + 0.05


@pytest.mark.parametrize("name", LEARNERS)
def test_watching_a_test_set_never_changes_the_fit(name):
    X, y, _ = rows(seed=6)
    watched = fitted(name, eval_set=(X, y))
    assert watched.eval_auc.shape == ((1,) if name in FITTED_AT_ONCE else (15,))
    assert np.isclose(watched.eval_auc[-1], auc(watched.predict(X), y), atol=1e-4)
    assert watched.to_bytes() == fitted(name).to_bytes()


@pytest.mark.parametrize("name", LEARNERS)
def test_columns_that_become_missing_later_are_predicted_all_the_same(name):
    rng = np.random.default_rng(1)
    X, y, w = rng.normal(size=(400, 3)).astype(np.float32), None, np.ones(400, np.float32)
    y = (X[:, 0] > 0).astype(np.int8)
    model = new_learner(name, default_candidate(name, {}).params, seed=1, threads=1)
    holes = X.copy()
    holes[:, 0] = np.nan
    model.fit(X, y, w, rounds=5, eval_set=(holes, y))
    assert np.isfinite(model.predict(holes)).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_the_unit_of_the_weights_does_not_matter(name):
    assert fitted(name, weight_unit=8.0).to_bytes() == fitted(name).to_bytes()


@pytest.mark.parametrize("name", EXPLAINED)
def test_contributions_add_up_to_the_log_odds(name):
    X, *_ = rows(n=200, seed=2)
    model = fitted(name)
    p = model.predict(X)
    log_odds = model.contributions(X).sum(axis=1)
    assert np.allclose(log_odds, np.log(p / (1 - p)), atol=1e-4)


def test_an_unknown_learner_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown learner 'oracle'"):
        new_learner("oracle", {}, seed=0, threads=1)
