"""A search for profit finds what earns after costs, and its book pays for what it trades."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.costs import order_cost_usd
from trading_pipeline.domain.sweeps.search import best_trials
from trading_pipeline.domain.sweeps.trial_book import (
    Costs,
    Outcomes,
    book_costs,
    keep_book,
    profit_frac,
)
from trading_pipeline_tests.domain.settings_of import shipped
from trading_pipeline_tests.domain.test_sweeps import market, run

HORIZON = 20


def of_names(scores, sessions, names=(0, 1)):
    """Return the book of one row a session and name, that all earned nothing."""
    session = np.repeat(sessions, len(names))
    name = np.tile(names, len(sessions))
    outcomes = Outcomes(session, np.zeros(session.size), HORIZON, name.astype(np.int64))
    return keep_book(np.asarray(scores, dtype=np.float64), outcomes, np.arange(session.size))


@pytest.mark.parametrize(
    ("scores", "sessions", "traded"),
    [
        # Two cohorts a horizon apart, of one mind: bought once, sold once.
        ([0, 1, 0, 1], [0, 20], 2 / 2),
        # Of opposite minds: the second turns everything round.
        ([0, 1, 1, 0], [0, 20], 4 / 2),
        # Of equal scores: the second holds nothing.
        ([0, 1, 1, 1], [0, 20], 2 / 2),
        # Cohorts that do not follow each other are bought and sold whole.
        ([0, 1, 0, 1], [0, 15], 2),
    ],
)
def test_a_book_trades_the_difference_to_the_cohort_before(scores, sessions, traded):
    assert of_names(scores, sessions).turnover == pytest.approx(traded)


def test_without_names_every_cohort_is_bought_and_sold_whole():
    outcomes = Outcomes(np.array([0, 0, 20, 20]), np.zeros(4), HORIZON)
    book = keep_book(np.array([0.0, 1.0, 0.0, 1.0]), outcomes, np.arange(4))
    assert book.turnover == pytest.approx(2.0)


def test_a_book_does_not_depend_on_the_order_of_its_rows():
    rng = np.random.default_rng(3)
    session, name = np.divmod(np.arange(400), 8)
    outcomes = Outcomes(session * 5, rng.normal(size=400), HORIZON, name)
    scores, order = rng.normal(size=400), rng.permutation(400)
    straight = keep_book(scores, outcomes, np.arange(400))
    assert keep_book(scores[order], outcomes, order) == straight


def test_profit_is_the_return_less_what_is_traded_and_borrowed():
    costs = Costs(traded_frac=0.001, held_frac=0.0002)
    assert profit_frac(0.01, 1.5, costs) == pytest.approx(0.01 - 0.0015 - 0.0002)
    # What never trades pays nothing.
    assert profit_frac(0.0, 0.0, costs) == 0.0


def test_the_book_pays_what_the_backtest_takes_of_an_order_of_unknown_volume():
    config = shipped(BacktestConfig, "backtest")
    order = (np.array([v]) for v in (100.0, 50.0, np.nan))
    usd = order_cost_usd(*order, np.array([False]), config)[0]
    costs = book_costs(config, HORIZON)
    assert costs.traded_frac == pytest.approx(usd / 5000.0)
    per_year = replace(costs, traded_frac=0.0).held_frac * 252 / HORIZON
    assert per_year == pytest.approx(0.5 * config.borrow_bps_per_year * 1e-4)


def paradox():
    """Return a market where the window that ranks best loses, and another one earns.

    The RSI of 7 tells most labels; what moves far is told by the RSI of 14.
    """
    rng = np.random.default_rng(5)
    n = 3_000
    X = rng.normal(size=(n, 6)).astype(np.float32)
    is_far = rng.random(n) < 0.2
    y = np.where(is_far, X[:, 3] > 0, X[:, 1] > 0).astype(np.int8)
    earned = np.where(is_far, np.where(y == 1, 0.10, -0.10), np.where(y == 1, 0.0001, -0.0001))
    data, _ = market(n=n)
    outcomes = Outcomes(np.arange(n) // 10, earned, HORIZON, costs=Costs(0.0002, 0.0001))
    data = replace(data, X=X, y=y, weight=np.ones(n, np.float32), outcomes=outcomes)
    cuts = np.array_split(np.arange(n), 3)
    return data, [(np.setdiff1d(np.arange(n), test), test) for test in cuts]


def test_the_objective_decides_which_trial_wins():
    data, folds = paradox()
    chosen = {}
    for objective in ("auc", "profit"):
        trials = run(data, folds, n_trials=4, objective=objective)
        best = best_trials(trials, objective, data.outcomes.costs).iloc[0]
        chosen[objective] = json.loads(best["params_json"])["windows"]["rsi"]
    assert chosen == {"auc": 7, "profit": 14}


def test_a_search_for_profit_prunes_what_does_not_earn_on_its_first_fold():
    data, folds = paradox()
    trials = run(data, folds, n_trials=12, objective="profit")
    window = trials["params_json"].map(lambda text: json.loads(text)["windows"]["rsi"])
    is_pruned = trials["state"] == "pruned"
    assert is_pruned.any()
    assert trials.loc[is_pruned, ["gross_frac", "turnover", "auc"]].isna().all(axis=None)
    # The window that earns is never pruned for the one that merely ranks.
    assert not (is_pruned & (window == 14) & (trials["trial"] < 6)).any()


def test_a_search_for_profit_where_nobody_knows_what_rows_earned_fails_in_words():
    data, folds = market()
    trials = run(data, folds, n_trials=1, objective="profit")
    assert "search by auc" in json.loads(trials["params_json"].item())["error"]


def test_costs_decide_between_trials_that_earn_alike():
    row = {"learner": "svm", "block": 0, "state": "complete", "params_json": "{}", "auc": 0.6,
           "best_round": 1}  # fmt: skip
    trials = pd.DataFrame(
        [
            row | {"trial": 0, "gross_frac": 0.010, "turnover": 2.0},
            row | {"trial": 1, "gross_frac": 0.009, "turnover": 0.5},
        ]
    )
    assert best_trials(trials, "profit", Costs(0.0005))["trial"].item() == 0
    assert best_trials(trials, "profit", Costs(0.0010))["trial"].item() == 1
