"""The model of falls finds what is planted in minute bars, and nothing where nothing is."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline_tests.bench.falls import measured
from trading_pipeline_tests.falls_truth import truth_of

RECOVERED = 0.85
N_EVENTS = 1000


def made_holdout(seed, strength):
    """Return a hold-out whose scores are the truth, half of it, and noise."""
    rng = np.random.default_rng(seed)
    truth = rng.standard_normal(N_EVENTS)
    chance = 1 / (1 + np.exp(-strength * truth))
    return pd.DataFrame(
        {
            "session": np.repeat(np.arange(N_EVENTS // 10), 10),
            "label": (rng.random(N_EVENTS) < chance).astype(int),
            "probability": truth,
            "trivial_probability": rng.standard_normal(N_EVENTS),
            "oracle_score": chance,
        }
    )


def test_a_model_that_says_the_truth_recovers_all_of_it_and_chance_none():
    found = truth_of([made_holdout(seed, 1.0) for seed in range(2)])
    assert found.recovered.value == pytest.approx(1.0)
    assert found.trivial.low < 0.5 < found.trivial.high
    assert found.over_trivial.low > 0.1
    assert (found.n_markets, found.n_events, found.n_sessions) == (2, 2000, 200)


def test_where_nothing_is_planted_there_is_no_share_to_recover():
    found = truth_of([made_holdout(3, 0.0)])
    assert found.oracle is None
    assert found.recovered is None
    assert found.model.low < 0.5 < found.model.high


@pytest.mark.long
def test_the_model_recovers_what_is_planted_in_minute_bars():
    found = measured(0.7)
    assert found.n_events > 8000
    assert found.recovered.value >= RECOVERED
    assert found.trivial.low < 0.5 < found.trivial.high


@pytest.mark.long
def test_the_model_finds_nothing_where_nothing_is_planted():
    found = measured(0.5)
    assert found.model.low < 0.5 < found.model.high
    assert found.over_trivial.low < 0 < found.over_trivial.high
