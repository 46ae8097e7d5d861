"""A search must find what is there, repeat itself to the bit, and hide none of its trials."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import SweepsConfig
from trading_pipeline.domain.sweeps import trial as trial_module
from trading_pipeline.domain.sweeps.learners import LEARNERS, new_learner
from trading_pipeline.domain.sweeps.search import best_trials, canary_auc, failed_learners, search
from trading_pipeline.domain.sweeps.spaces import SPACES, default_candidate
from trading_pipeline.domain.sweeps.trial import SearchData, smoothed
from trading_pipeline.domain.sweeps.trial_book import Outcomes
from trading_pipeline_tests.domain.settings_of import shipped

FITTED_AT_ONCE = ("random_forest", "extra_trees", "logistic", "svm")
COLUMNS = [
    "sweep_id", "learner", "block", "trial", "origin", "state", "params_json", "fold_scores_json",
    "auc", "gross_frac", "turnover", "best_round", "seconds", "returns_json", "n_rows",
]  # fmt: skip
BOOSTED = ("lightgbm", "xgboost", "catboost", "gradient_boosting")
WINDOWS = {"rsi": (7, 14, 21)}


def market(n=1_500, signal=1.0, seed=0):
    """Rows in time order; the RSI of length 7 alone knows something."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)).astype(np.float32)
    y = (signal * X[:, 1] + rng.normal(size=n) > 0).astype(np.int8)
    families = {7: [0, 1], 14: [2, 3], 21: [4, 5]}
    weight = np.ones(n, np.float32)
    data = SearchData(X, y, weight, WINDOWS, lambda choice: families[choice["rsi"]])
    cuts = np.array_split(np.arange(n), 3)
    folds = [(np.setdiff1d(np.arange(n), test), test) for test in cuts]
    return data, folds


def run(data, folds, learner="lightgbm", threads=1, timer=None, incumbent=None, book=None,
        has_skill=True, **settings):  # fmt: skip
    clock = itertools.count()
    settings = {"n_trials": 6, "max_rounds": 12, "trials_per_round": 1} | settings
    return search(
        learner, data, folds=folds, config=shipped(SweepsConfig, "sweeps", **settings),
        sweep_id="s", block=2, threads=threads, timer=timer or (lambda: float(next(clock))),
        incumbent=incumbent, book=book, has_skill=has_skill,
    )  # fmt: skip


def test_a_repeated_search_is_the_same_whatever_the_threads():
    data, folds = market()
    pd.testing.assert_frame_equal(run(data, folds), run(data, folds, threads=2))


@pytest.mark.parametrize("learner", LEARNERS)
def test_every_trial_is_kept_with_the_columns_of_its_table(learner):
    data, folds = market()
    trials = run(data, folds, learner=learner, n_trials=2)
    assert list(trials.columns) == COLUMNS
    # Fixed settings are tried once.
    assert trials["trial"].tolist() == ([0, 1] if SPACES[learner] else [0])
    assert trials["state"].isin(["complete", "pruned"]).all()


def test_the_score_of_a_trial_is_the_mean_of_its_folds():
    data, folds = market()
    trials = run(data, folds)
    for row in trials[trials["state"] == "complete"].itertuples():
        assert np.isclose(row.auc, np.mean(json.loads(row.fold_scores_json)))
        assert 1 <= row.best_round <= 12


def test_every_complete_trial_keeps_a_return_series_and_a_signal_earns():
    data, folds = market()
    session = np.arange(len(data.y)) // 10
    earned = np.where(data.y == 1, 0.01, -0.01)
    data = replace(data, outcomes=Outcomes(session, earned, 20))
    trials = run(data, folds, n_trials=12)
    series = trials["returns_json"].map(json.loads)
    is_complete = trials["state"] == "complete"
    assert all(len(told) == 8 for told in series[is_complete])
    assert all(told == {} for told in series[~is_complete])
    best = trials["auc"].idxmax()
    assert np.mean(list(series[best].values())) > 0.001


@pytest.mark.parametrize("learner", [name for name in LEARNERS if name not in FITTED_AT_ONCE])
def test_a_prediction_after_some_rounds_is_that_of_a_shorter_fit(learner):
    data, _ = market(n=400)
    params = default_candidate(learner, WINDOWS).params
    long, short = (
        new_learner(learner, params, seed=7, threads=1).fit(
            data.X, data.y, data.weight, rounds=rounds, eval_set=(data.X, data.y)
        )
        for rounds in (12, 5)
    )
    np.testing.assert_allclose(long.predict(data.X, rounds=5), short.predict(data.X), rtol=1e-6)
    assert not np.allclose(long.predict(data.X), short.predict(data.X))


def test_the_search_chooses_the_window_that_knows_something():
    data, folds = market()
    best = best_trials(run(data, folds, n_trials=8)).iloc[0]
    assert json.loads(best["params_json"])["windows"] == {"rsi": 7}
    assert best["n_trials"] == 8


def test_every_window_is_tried_even_by_the_fewest_trials():
    data, folds = market()
    tried = run(data, folds, n_trials=3)["params_json"].map(json.loads)
    assert {record["windows"]["rsi"] for record in tried} == set(WINDOWS["rsi"])


def test_a_failed_trial_is_kept_with_its_reason_and_the_search_goes_on(monkeypatch):
    data, folds = market()
    real, calls = trial_module.new_learner, itertools.count()

    def sometimes(*args, **kwargs):
        if next(calls) == 0:
            raise RuntimeError("out of luck")
        return real(*args, **kwargs)

    monkeypatch.setattr(trial_module, "new_learner", sometimes)
    trials = run(data, folds, n_trials=3)
    assert trials["state"].tolist()[0] == "failed"
    assert "out of luck" in trials["params_json"][0]
    assert best_trials(trials)["trial"].item() in (1, 2)


def test_hopeless_trials_are_pruned_after_their_first_fold():
    data, folds = market()
    trials = run(data, folds, n_trials=12)
    pruned = trials[trials["state"] == "pruned"]
    assert len(pruned)
    assert (pruned["fold_scores_json"].map(json.loads).map(len) == 1).all()
    assert pruned["auc"].isna().all()
    assert pruned["trial"].min() >= trial_module.MIN_TRIALS_BEFORE_PRUNING


def test_a_sweep_without_a_complete_trial_is_named():
    failed = {"learner": "xgboost", "block": 3, "trial": 0, "state": "failed", "auc": np.nan}
    trials = pd.DataFrame([dict.fromkeys(COLUMNS) | failed])
    with pytest.raises(ValueError, match="xgboost of block 3"):
        best_trials(trials)


def test_a_learner_that_failed_in_one_block_is_named_with_its_reason():
    rows = [
        {"learner": name, "block": block, "state": state, "auc": score, "params_json": record}
        for name, block, state, score, record in (
            ("svm", 1, "complete", 0.5, "{}"),
            ("svm", 2, "failed", np.nan, '{"error": "MemoryError: too many"}'),
            ("mlp", 1, "failed", np.nan, '{"error": "ValueError: unlucky"}'),
            ("mlp", 1, "complete", 0.5, "{}"),
            ("mlp", 2, "complete", 0.5, "{}"),
        )
    ]
    assert failed_learners(pd.DataFrame(rows)) == {"svm": "block 2: MemoryError: too many"}


def test_ties_go_to_the_earlier_trial():
    row = {"learner": "xgboost", "block": 0, "state": "complete", "params_json": "{}",
           "auc": 0.6, "gross_frac": 0.0, "turnover": 1.0, "best_round": 5}  # fmt: skip
    trials = pd.DataFrame([row | {"trial": 2}, row | {"trial": 1}])
    assert best_trials(trials)["trial"].tolist() == [1]


def test_the_canary_sings_on_a_signal_and_not_on_noise():
    # Its default window is 14, so the signal is laid there.
    data, folds = market(n=3_000)
    loud = SearchData(data.X[:, [2, 3, 0, 1, 4, 5]], data.y, data.weight, WINDOWS, data.columns_for)
    assert canary_auc(loud, folds, seed=1, threads=1) > 0.70
    assert abs(canary_auc(data, folds, seed=1, threads=1) - 0.5) < 0.05


def test_every_default_lies_inside_its_space():
    for space in SPACES.values():
        assert all(r.low <= r.default <= r.high for r in space.values())


def test_smoothing_keeps_a_flat_curve_flat_up_to_its_ends():
    assert np.allclose(smoothed(np.full(30, 0.55)), 0.55)
    assert np.allclose(smoothed(np.full(4, 0.55)), 0.55)
