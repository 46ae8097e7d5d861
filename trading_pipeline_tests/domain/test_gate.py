"""The gate lets only proven challengers through, and says of each criterion what it rests on."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.gate.decisions import (
    champion_history,
    draft_promotion,
    draft_rollback,
    draft_shadow,
    service_roles,
)
from trading_pipeline.domain.gate.evidence import Estimate, GateEvidence, RegimeScore
from trading_pipeline.domain.gate.verdict import decide

ROOT = Path(__file__).parents[2]
DEFAULTS = tomllib.loads((ROOT / "trading_pipeline/config/default.toml").read_text())
CONFIG = GateConfig(**DEFAULTS["gate"])
PROVEN = GateEvidence(
    model_version="7",
    recipe_id="r",
    protocol_id="p",
    has_champion=True,
    holdout_reads=1,
    auc=Estimate(0.65, 0.61, 0.69, "n = 40,000"),
    sharpe_net=Estimate(1.1, -0.2, 2.4, "n = 504"),
    dsr=0.9,
    champion_difference=Estimate(0.01, -0.004, 0.02, "n = 40,000"),
    volatility_difference=Estimate(0.1, 0.05, 0.15, "n = 40,000"),
    regimes={regime: RegimeScore(0.55, 12) for regime in REGIMES},
    ece=0.01,
    calibration_slope=1.0,
    latency_ms=20,
    model_mb=30,
)
FAILURES = {
    "auc": {"auc": Estimate(0.599, 0.51, 0.69, "")},
    "auc_low": {"auc": Estimate(0.65, 0.50, 0.80, "")},
    "sharpe_net": {"sharpe_net": Estimate(-0.01, -1, 1, "")},
    "champion": {"champion_difference": Estimate(0.01, -0.005, 0.02, "")},
    "volatility_baseline": {"volatility_difference": Estimate(0.02, 0.0, 0.04, "")},
    "auc_crash": {"regimes": {"crash": RegimeScore(0.499, 10)}},
    "ece": {"ece": 0.031},
    "calibration_slope": {"calibration_slope": 1.21},
    "latency_ms": {"latency_ms": 50.1},
    "model_mb": {"model_mb": 200.1},
}
MISSING = {
    "auc": {"auc": None},
    "sharpe_net": {"sharpe_net": None},
    "champion": {"champion_difference": None},
    "volatility_baseline": {"volatility_difference": None},
    "ece": {"ece": float("nan")},
    "calibration_slope": {"calibration_slope": None},
    "latency_ms": {"latency_ms": None},
    "model_mb": {"model_mb": None},
}
NO_DECISIONS = pd.DataFrame(
    columns=["decision_id", "action", "role", "model_version", "previous_version"]
)
HUMAN = {"decided_by": "ada", "decided_at": pd.Timestamp("2024-01-06", tz="UTC"), "reason": "said"}


def lines(verdict):
    """Return the criteria by name."""
    return {line.criterion: line for line in verdict.criteria}


def test_a_proven_challenger_is_proposed():
    verdict = decide(PROVEN, CONFIG)
    assert verdict.verdict == "promoted"
    assert verdict.reasons == (
        f"{len(verdict.criteria)} of {len(verdict.criteria)} criteria passed",
    )


@pytest.mark.parametrize("criterion", FAILURES)
def test_one_failure_rejects_and_is_the_first_reason(criterion):
    verdict = decide(replace(PROVEN, **FAILURES[criterion]), CONFIG)
    assert verdict.verdict == "rejected"
    assert lines(verdict)[criterion].is_passed is False
    assert any(reason.startswith(criterion) for reason in verdict.reasons)


@pytest.mark.parametrize("criterion", MISSING)
def test_a_missing_measurement_leaves_the_verdict_undecided(criterion):
    verdict = decide(replace(PROVEN, **MISSING[criterion]), CONFIG)
    assert verdict.verdict == "undecided"
    assert lines(verdict)[criterion].is_passed is None


def test_numbers_that_come_from_a_table_are_judged_alike():
    low = Estimate(np.float64(0.5), np.float64(0.4), np.float64(0.6), "")
    evidence = replace(PROVEN, auc=low, ece=np.float64(0.5), latency_ms=np.float64(10))
    verdict = decide(evidence, CONFIG)
    assert verdict.verdict == "rejected"
    assert {type(line.is_passed) for line in verdict.criteria} == {bool}


def test_a_failure_outweighs_a_missing_measurement():
    assert decide(replace(PROVEN, auc=None, ece=0.5), CONFIG).verdict == "rejected"


@pytest.mark.parametrize(
    "regimes", [{}, {"crash": RegimeScore(0.3, 9.9)}, {"crash": RegimeScore(None, 20)}]
)
def test_a_regime_with_too_few_horizons_is_said_and_decides_nothing(regimes):
    verdict = decide(replace(PROVEN, regimes=regimes), CONFIG)
    assert verdict.verdict == "promoted"
    assert lines(verdict)["auc_crash"].is_passed is None
    assert any("auc_crash could not be assessed" in reason for reason in verdict.reasons)


def test_without_a_champion_there_is_nothing_to_be_worse_than():
    verdict = decide(replace(PROVEN, has_champion=False, champion_difference=None), CONFIG)
    assert verdict.verdict == "promoted"
    assert "no champion in service" in lines(verdict)["champion"].detail


def test_the_plain_pair_stands_first_on_a_line_of_its_own():
    verdict = decide(replace(PROVEN, sharpe_net=Estimate(-1, -2, 0, "")), CONFIG)
    assert verdict.criteria[0].criterion == "auc_and_sharpe"
    assert verdict.criteria[0].is_passed is False
    assert verdict.criteria[0].detail == "AUC 0.650, Sharpe -1.000"


def test_the_verdict_shows_the_deflated_sharpe_and_the_reads_of_the_hold_out():
    shown = lines(decide(replace(PROVEN, holdout_reads=3), CONFIG))
    assert "DSR 0.900" in shown["sharpe_net"].detail
    assert "hold-out read 3 times" in shown["auc"].detail


def test_the_table_has_a_row_per_criterion_and_missing_where_not_assessable():
    frame = decide(replace(PROVEN, ece=None), CONFIG).frame().set_index("criterion")
    assert frame["position"].tolist() == list(range(len(frame)))
    assert pd.isna(frame.loc["ece", "is_passed"])
    assert np.isnan(frame.loc["ece", "value"])
    assert frame.loc["auc", "is_passed"]


@given(auc=st.floats(0, 1), ratio=st.floats(-3, 3), ece=st.none() | st.floats(0, 0.1))
def test_promoted_means_that_no_criterion_failed_and_none_required_is_missing(auc, ratio, ece):
    evidence = replace(
        PROVEN,
        auc=Estimate(auc, auc - 0.04, auc + 0.04, ""),
        sharpe_net=Estimate(ratio, ratio - 1, ratio + 1, ""),
        ece=ece,
    )
    verdict = decide(evidence, CONFIG)
    passed = [line.is_passed for line in verdict.criteria]
    assert (verdict.verdict == "promoted") == all(passed)
    assert (verdict.verdict == "rejected") == (False in passed)


def appended(decisions, decision):
    """Return the ledger with one more line."""
    return pd.concat([decisions, pd.DataFrame([decision])], ignore_index=True)


def promoted(*versions):
    """Return the ledger after these promotions."""
    ledger = NO_DECISIONS
    for version in versions:
        decision = draft_promotion(ledger, version, "promoted", is_override=False, **HUMAN)
        ledger = appended(ledger, decision)
    return ledger


def test_nobody_is_in_service_before_the_first_decision():
    assert service_roles(NO_DECISIONS) == {"champion": None, "shadow": None}


def test_the_last_promotion_is_the_champion_whatever_the_order_of_rows():
    ledger = promoted("1", "2", "3")
    assert service_roles(ledger.iloc[::-1])["champion"] == "3"
    assert ledger["decision_id"].tolist() == [1, 2, 3]
    assert ledger["previous_version"].tolist() == [None, "1", "2"]


def test_a_roll_back_returns_to_the_champion_before_and_can_be_repeated():
    ledger = promoted("1", "2", "3")
    for expected in ("2", "1"):
        ledger = appended(ledger, draft_rollback(ledger, **HUMAN))
        assert service_roles(ledger)["champion"] == expected
    with pytest.raises(InputError, match="1 is the first champion"):
        draft_rollback(ledger, **HUMAN)


def test_a_promotion_after_a_roll_back_forgets_the_model_that_was_withdrawn():
    ledger = promoted("1", "2")
    ledger = appended(ledger, draft_rollback(ledger, **HUMAN))
    ledger = appended(ledger, draft_promotion(ledger, "3", "promoted", is_override=False, **HUMAN))
    assert champion_history(ledger) == ("1", "3")


def test_a_shadow_that_becomes_champion_leaves_the_shadow():
    ledger = appended(NO_DECISIONS, draft_shadow(NO_DECISIONS, "4", "promoted", **HUMAN))
    assert service_roles(ledger) == {"champion": None, "shadow": "4"}
    assert draft_shadow(ledger, "4", "promoted", **HUMAN) is None
    decision = draft_promotion(ledger, None, "promoted", is_override=False, **HUMAN)
    assert service_roles(appended(ledger, decision)) == {"champion": "4", "shadow": None}


def test_promotions_that_make_no_sense_say_what_to_do():
    with pytest.raises(InputError, match="run a retrain"):
        draft_promotion(NO_DECISIONS, None, None, is_override=False, **HUMAN)
    with pytest.raises(InputError, match="already the champion"):
        draft_promotion(promoted("1"), "1", "promoted", is_override=False, **HUMAN)
    with pytest.raises(InputError, match="no champion is in service"):
        draft_rollback(NO_DECISIONS, **HUMAN)


@pytest.mark.parametrize("verdict", ["rejected", "undecided", None])
def test_a_model_the_gate_did_not_pass_needs_an_override_and_the_ledger_says_so(verdict):
    with pytest.raises(InputError, match="at the gate"):
        draft_promotion(NO_DECISIONS, "5", verdict, is_override=False, **HUMAN)
    decision = draft_promotion(NO_DECISIONS, "5", verdict, is_override=True, **HUMAN)
    assert decision["reason"].startswith("overrides the verdict")
