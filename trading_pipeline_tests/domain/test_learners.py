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


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in EXPLAINED])
def test_a_learner_without_contributions_says_so(name):
    X, *_ = rows(n=20)
    model = new_learner(name, default_candidate(name, {}).params, seed=1, threads=1)
    assert not model.has_contributions
    with pytest.raises(ValueError, match=f"{name} gives no contributions"):
        model.contributions(X)


def learnt(name, X, y, weight, eval_set=None, **params):
    """Return a learner fitted on rows given by the test."""
    chosen = {**default_candidate(name, {}).params, **params}
    model = new_learner(name, chosen, seed=3, threads=1)
    return model.fit(X, y, weight.astype(np.float32), rounds=15, eval_set=eval_set)


@pytest.mark.parametrize("name", LEARNERS)
def test_heavy_rows_win_over_light_ones_that_contradict_them(name):
    X, *_ = rows(n=2_000)
    signal = (np.nan_to_num(X[:, 0]) > 0).astype(np.int8)
    doubled, labels = np.vstack([X, X]), np.concatenate([signal, 1 - signal])
    first_is_heavy = np.repeat([9.0, 1.0], len(X))
    for weight, sign in ((first_is_heavy, 1), (first_is_heavy[::-1], -1)):
        p = learnt(name, doubled, labels, weight).predict(X)
        assert sign * (p[signal == 1].mean() - p[signal == 0].mean()) > 0.05


@pytest.mark.parametrize("name", ["logistic", "svm", "gradient_boosting"])
def test_the_order_of_rows_changes_rounding_only(name):
    X, y, w = rows(n=1_000)
    order = np.random.default_rng(8).permutation(len(y))
    # Columns are drawn by number, so with all of them no chance is left.
    params = {"column_frac": 1.0} if name == "gradient_boosting" else {}
    p = learnt(name, X, y, w, **params).predict(X)
    q = learnt(name, X[order], y[order], w[order], **params).predict(X)
    assert np.allclose(p, q, atol=1e-4)


@pytest.mark.parametrize("name", LEARNERS)
def test_flipped_labels_of_watched_rows_change_nothing(name):
    X, y, w = rows(n=600)
    unseen, labels, _ = rows(n=200, seed=4)
    flipped = learnt(name, X, y, w, eval_set=(unseen, 1 - labels))
    assert flipped.to_bytes() == learnt(name, X, y, w, eval_set=(unseen, labels)).to_bytes()


@pytest.mark.parametrize("name", ["logistic", "svm", "mlp", "gru"])
def test_rows_asked_together_do_not_move_each_other(name):
    """Centre, spread and missing values come from the training rows alone."""
    X, y, w = rows(n=600)
    asked, *_ = rows(n=100, seed=4)
    model = learnt(name, X, y, w)
    wild = np.vstack([asked, np.full_like(asked, 1e6)])
    assert np.array_equal(model.predict(wild)[: len(asked)], model.predict(asked))
    assert np.array_equal(model.predict(asked[:1]), model.predict(asked)[:1])


def test_a_gpu_is_asked_for_in_each_boosters_own_words(monkeypatch):
    import catboost
    import lightgbm
    import xgboost

    class AskedError(Exception):
        pass

    def refuse(*given, **options):
        raise AskedError(str((given[:1], options)))

    monkeypatch.setattr(lightgbm, "train", refuse)
    monkeypatch.setattr(xgboost, "train", refuse)
    monkeypatch.setattr(catboost, "CatBoostClassifier", refuse)
    X, y, w = rows(n=100)
    words = {"lightgbm": "'gpu'", "xgboost": "'cuda'", "catboost": "'GPU'"}
    for name, word in words.items():
        params = default_candidate(name, {}).params
        for device in ("cpu", "gpu"):
            model = new_learner(name, params, seed=1, threads=1, device=device)
            with pytest.raises(AskedError) as caught:
                model.fit(X, y, w, rounds=2)
            assert (word in str(caught.value)) == (device == "gpu")


def test_an_unknown_learner_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown learner 'oracle'"):
        new_learner("oracle", {}, seed=0, threads=1)
