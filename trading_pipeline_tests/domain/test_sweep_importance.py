"""What a search depends on is found among its parameters, and drawn."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.sweeps.importance import FEWEST_TRIALS, parameter_importance
from trading_pipeline.domain.sweeps.spaces import default_candidate
from trading_pipeline.domain.sweeps.trial_book import Costs
from trading_pipeline.reports import plots

WINDOWS = {"rsi": ("7", "14", "21"), "sma": ("50",)}


def trials(n=24, learner="logistic", seed=1):
    """Return trials whose AUC is told by the penalty, and whose turnover by the RSI's length.

    Blocks differ more than trials do.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n):
        window, penalty = WINDOWS["rsi"][number % 3], float(np.exp(rng.uniform(-5.5, -2.4)))
        params = {**default_candidate(learner, WINDOWS).params}
        params = params | ({"l2_frac": penalty} if "l2_frac" in params else {})
        rows.append(
            {
                "learner": learner, "block": number % 2, "trial": number, "state": "complete",
                "params_json": json.dumps({**params, "windows": {"rsi": window, "sma": "50"}}),
                "auc": 0.5 + 0.2 * (number % 2) + 0.01 * np.log(penalty),
                "gross_frac": 0.01, "turnover": 1.0 + 0.4 * (window == "7"),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_parameter_that_tells_the_score_is_the_most_important():
    found = parameter_importance(trials(), seed=7)
    assert found["parameter"].tolist() == ["l2_frac", "window_rsi"]
    assert found["importance_frac"].iloc[0] > 0.8
    assert found["importance_frac"].sum() == pytest.approx(1.0)
    assert found["n_trials"].tolist() == [24, 24]


def test_importance_for_profit_speaks_of_profit():
    found = parameter_importance(trials(), seed=7, objective="profit", costs=Costs(0.001))
    assert found["parameter"].iloc[0] == "window_rsi"


def test_importance_repeats_itself_whatever_the_order_of_the_trials():
    shuffled = trials().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        parameter_importance(trials(), seed=7), parameter_importance(shuffled, seed=7)
    )


def test_few_trials_equal_scores_and_a_learner_without_choice_are_not_assessable():
    alike = trials().assign(auc=0.5)
    alone = trials(learner="svm").assign(params_json='{"windows": {"sma": "50"}}')
    for one in (trials(FEWEST_TRIALS - 1), alike, alone):
        found = parameter_importance(one, seed=7)
        assert found.empty
        assert "Nothing to show" in plots.plot_sweep_importance(found)


@pytest.mark.parametrize("width", [960, 370])
def test_importance_is_drawn_with_every_learners_name_and_shares(width):
    both = pd.concat([trials(), trials(learner="mlp", seed=2)])
    svg = plots.plot_sweep_importance(parameter_importance(both, seed=7), width)
    ElementTree.fromstring(svg)
    assert "logistic regression" in svg
    assert "neural network" in svg
    assert len(plots.as_markdown_image(svg, "importance")) < 60_000
