"""Every registered feature and the training path, put to every trial."""

import functools

import numpy as np
import pytest

from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.proof.clean import FeatureTrials, intraday_findings
from trading_pipeline.domain.proof.intraday import INTRADAY_BARS, bar_closes, intraday_study
from trading_pipeline.domain.proof.training_trials import TRIALS, training_findings
from trading_pipeline_tests.domain.proof.proof_market import (
    CONFIG,
    REGISTRY,
    frames,
    market,
    training,
)

SPARSE = 12


@functools.cache
def findings():
    return {
        f.subject: f.how for f in FeatureTrials(market(), frames(), REGISTRY, SPARSE).findings()
    }


@pytest.mark.xdist_group("proof")
@pytest.mark.parametrize("feature", REGISTRY, ids=lambda feature: feature.name)
def test_a_registered_feature_leaks_nothing(feature):
    assert feature.name not in findings(), findings()[feature.name]


@pytest.mark.xdist_group("proof")
def test_the_rows_of_the_daily_build_leak_nothing():
    assert "rows" not in findings()


@pytest.mark.long
def test_no_feature_leaks_at_any_single_session():
    found = FeatureTrials(market(), frames(), REGISTRY).findings()
    assert [finding.how for finding in found] == []


def test_the_trials_have_values_to_judge():
    trials = FeatureTrials(market(), frames(), REGISTRY)
    # Three years; the test of features over a longer market has values of them.
    assert trials.not_assessable() == ["reversal_36_12", "rank_reversal_36_12"]
    table = intraday_study(market(), CONFIG.features.intraday).whole()
    recent = table.known_at >= bar_closes(market(), 5)[-INTRADAY_BARS].value
    for minutes in INTERVALS_MINUTES:
        own = recent & np.array([name.endswith(f" {minutes} minutes") for name in table.symbol])
        coarser = [f"_of_{m}m" for m in INTERVALS_MINUTES if m <= minutes]
        absent = np.isnan(table.values[own]).all(axis=0)
        empty = [name for name, is_absent in zip(table.names, absent, strict=True) if is_absent]
        assert [name for name in empty if not name.endswith(tuple(coarser))] == [], minutes


def test_no_intraday_feature_leaks():
    found = intraday_findings(market(), CONFIG.features.intraday, every=11)
    assert [finding.how for finding in found] == []


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_training_path_leaks_nothing(trial):
    found = training_findings(training(), training().procedure(), trials=[trial])
    assert [finding.how for finding in found] == []
