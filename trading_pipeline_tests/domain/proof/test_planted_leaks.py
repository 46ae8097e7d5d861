"""A trial that misses a planted leak proves nothing about what it passes."""

import numpy as np
import pytest

from trading_pipeline.domain.proof.daily import daily_study
from trading_pipeline.domain.proof.future import future_findings
from trading_pipeline.domain.proof.planted import MISSED_ELSEWHERE, TWENTY
from trading_pipeline.domain.proof.planted_features import planted_feature, single_candle_leak
from trading_pipeline_tests.domain.proof.proof_market import frames, leaks, market


def test_the_planted_leaks_are_the_twenty_of_the_standards_and_two_more():
    assert len(set(TWENTY)) == 20
    assert tuple(leaks()) == (*TWENTY, *MISSED_ELSEWHERE)


@pytest.mark.parametrize("name", [*TWENTY, *MISSED_ELSEWHERE])
def test_a_planted_leak_is_caught(name):
    found = leaks()[name].trial(lambda: None)
    assert found
    assert all(finding.how for finding in found)


def test_a_leak_of_one_candle_is_named_with_its_session():
    session = market().sessions.iloc[217]
    study = daily_study(frames(), (single_candle_leak(),), market().decisions)
    [finding] = future_findings(study, (), market().decisions[215:220])
    assert finding.first_date == session["session_date"]
    assert "on that session alone" in finding.how
    assert finding.ahead == "1 session"


def test_the_sentence_says_which_feature_how_far_and_from_when():
    def ahead(panel):
        values = np.full(panel.size, np.nan)
        values[:-3] = panel["close"][3:] / panel["close"][:-3]
        values[panel.session < market().sessions["session"].iloc[100]] = 0.0
        return values

    study = daily_study(frames(), (planted_feature("my_feature", "", ahead),), market().decisions)
    [finding] = future_findings(study, (), market().decisions[90:110])
    first = market().sessions["session_date"].iloc[100]
    assert finding.how.startswith("`my_feature` leaks: its value for")
    assert f"from {first:%Y-%m-%d} on" in finding.how
    assert "it reads at least 3 sessions ahead" in finding.how


def test_a_feature_that_is_random_is_not_called_a_leak():
    draws = np.random.default_rng(0)
    feature = planted_feature("dice", "", lambda panel: draws.normal(size=panel.size))
    study = daily_study(frames(), (feature,), market().decisions)
    [finding] = future_findings(study, market().decisions[50:52])
    assert finding.test == "repeat"
