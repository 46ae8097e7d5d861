"""Every registered feature and the training path, put to every trial."""

import functools

import pytest

from trading_pipeline.domain.proof.clean import FeatureTrials, intraday_findings
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


def test_no_intraday_feature_leaks():
    found = intraday_findings(market(), CONFIG.features.intraday, every=11)
    assert [finding.how for finding in found] == []


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_training_path_leaks_nothing(trial):
    found = training_findings(training(), training().procedure(), trials=[trial])
    assert [finding.how for finding in found] == []
