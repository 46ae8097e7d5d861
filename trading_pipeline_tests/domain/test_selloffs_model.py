"""The model of falls: what it may learn from, what it says, and what it is judged by."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.gate.verdict import PROMOTED, REJECTED, UNDECIDED
from trading_pipeline.domain.selloffs.judge import (
    FallEvidence,
    fall_evidence,
    judge_falls,
    score_falls,
    verdict_words,
)
from trading_pipeline.domain.selloffs.model import SelloffModel, risk_tiers
from trading_pipeline.domain.selloffs.panel import IDENTITY, fall_panel, model_matrix
from trading_pipeline.domain.selloffs.payoff import Line, Payoff
from trading_pipeline.domain.selloffs.protocol import (
    fall_protocol_due,
    make_fall_protocol,
    study_size,
    training_places,
    why_not,
)
from trading_pipeline.domain.selloffs.protocol import tested_places as places_tested
from trading_pipeline.domain.selloffs.training import PARAMS, FallTraining
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.selloffs_made import made_falls

CONFIG = load_settings()
FALLS = CONFIG.selloffs
QUICK = FALLS.model_copy(update={"model": FALLS.model.model_copy(update={"max_rounds": 30})})
MADE = made_falls(n_sessions=80, n_symbols=10, skill=1.5)


def panel_of(made=MADE):
    return fall_panel(made.events, made.features, made.outcomes, made.regimes, 1)


def training_of(panel, config=QUICK):
    protocol = make_fall_protocol(panel.rows, config, "test")
    runtime = CONFIG.runtime.model_copy(update={"threads": 1})
    return FallTraining(panel, protocol, config, CONFIG.sampling.replay, runtime)


@pytest.fixture(scope="module")
def panel():
    return panel_of()


@pytest.fixture(scope="module")
def walk(panel):
    return training_of(panel).walk()


def with_model(**changes):
    return QUICK.model_copy(update={"model": QUICK.model.model_copy(update=changes)})


def test_only_clean_falls_with_a_closed_trade_train(panel):
    clean = MADE.events[MADE.events["quality"] == "clean"]
    closed = clean[clean["session_date"] < MADE.events["session_date"].max()]
    assert len(panel.rows) == len(closed) < len(MADE.events)
    assert panel.rows["end_session"].equals(panel.rows["session"])


def test_what_identifies_a_row_never_enters_a_model(panel):
    assert not set(IDENTITY) & set(panel.X.columns)
    assert set(panel.X.columns) == set(MADE.features.columns) - set(IDENTITY)


def test_the_panel_is_the_same_whatever_the_order_of_its_rows(panel):
    frames = (MADE.events, MADE.features, MADE.outcomes, MADE.regimes)
    other = fall_panel(*(frame.sample(frac=1, random_state=3) for frame in frames), 1)
    pd.testing.assert_frame_equal(panel.rows, other.rows)
    pd.testing.assert_frame_equal(panel.X, other.X)


def test_the_regime_of_a_fall_is_that_of_the_session_before(panel):
    by_date = MADE.regimes["regime"].tolist()
    first = int(MADE.features["session"].min())
    place = panel.rows["session"].to_numpy() - first
    expected = [by_date[i - 1] if i else "unknown" for i in place]
    assert panel.rows["regime"].tolist() == expected


def test_words_and_flags_become_numbers_and_missing_stays_missing():
    rows = pd.DataFrame(
        {
            "time_bucket": ["opening", "power_hour", "night"],
            "has_golden_cross": pd.array([True, False, None], dtype="boolean"),
        }
    )
    found = model_matrix(rows, ["has_golden_cross", "time_bucket"])
    expected = np.array([[1, 0], [0, 4], [np.nan, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(found.to_numpy(), expected)


def test_no_session_lies_on_both_sides_of_an_edge(panel):
    training = training_of(panel)
    session = panel.rows["session"].to_numpy()
    seen = []
    for block in training.protocol.blocks:
        trained = training_places(panel, training.protocol, block)
        tested = places_tested(panel, training.protocol, block)
        assert session[trained].max() < session[tested].min()
        seen.extend(session[tested])
    assert len(seen) == len(set(range(len(seen))))
    held = panel.rows.iloc[places_tested(panel, training.protocol, FINAL_BLOCK)]
    share = held["session"].nunique() / panel.rows["session"].nunique()
    assert share == pytest.approx(QUICK.model.holdout_frac, abs=0.02)


def test_nothing_fitted_before_a_block_knows_its_outcomes(panel, walk):
    protocol = training_of(panel).protocol
    for block in (protocol.blocks[-2], FINAL_BLOCK):
        rows = panel.rows.copy()
        tested = places_tested(panel, protocol, block)
        rows.loc[tested, "label"] = 1 - rows.loc[tested, "label"]
        rows.loc[tested, ["gross_r", "r_multiple"]] = -7.0
        other = training_of(replace(panel, rows=rows)).walk()
        said = ["probability", "expected_r", "is_selected", "trivial_probability"]
        upto = walk.scores["session"] <= rows.loc[tested, "session"].max()
        pd.testing.assert_frame_equal(
            walk.scores.loc[upto, said], other.scores.loc[upto, said], check_exact=True
        )
        if block == FINAL_BLOCK:
            assert other.judged.to_files() == walk.judged.to_files()


def test_threads_change_no_bit(panel, walk):
    training = training_of(panel)
    runtime = training.runtime.model_copy(update={"threads": 2})
    assert replace(training, runtime=runtime).walk().judged.to_files() == walk.judged.to_files()


def test_all_learners_join_and_a_fall_alone_is_told_as_in_company(panel):
    config = with_model(learners=tuple(PARAMS), max_rounds=5, n_folds=2)
    judged = training_of(panel, config).walk().judged
    one = SelloffModel.from_files(judged.to_files(), 1)
    rows = MADE.features.tail(30)
    together = one.speak(rows)
    pd.testing.assert_frame_equal(together, judged.speak(rows), check_exact=True)
    for size in (1, 2, 7):
        parts = [one.speak(rows.iloc[i : i + size]) for i in range(0, len(rows), size)]
        pd.testing.assert_frame_equal(together, pd.concat(parts), check_exact=True)


def test_reasons_name_feature_contribution_and_value(walk):
    rows = MADE.features.head(50)
    said = walk.judged.speak(rows, n_reasons=3)
    name, part, value = json.loads(said["reasons_json"].iloc[7])[0]
    assert abs(part) == max(abs(one[1]) for one in json.loads(said["reasons_json"].iloc[7]))
    assert value == pytest.approx(rows[name].iloc[7], abs=1e-5)
    assert said["risk_tier"].isin([0.0, 0.25, 0.5, 1.0]).all()


def test_planted_skill_is_found_and_pays(walk):
    held = walk.scores[walk.scores["is_holdout"]]
    assert auc(held["probability"], held["label"]) > 0.70
    assert auc(held["trivial_probability"], held["label"]) < 0.65
    tradable = held[held["is_first"]]
    chosen = tradable.loc[tradable["is_selected"], "r_multiple"]
    assert chosen.mean() > tradable["r_multiple"].mean() + 0.2
    assert 0.15 < tradable["is_selected"].mean() < 0.55


def test_balance_weighs_both_labels_alike(panel):
    rows = np.arange(len(panel.rows))
    weight = training_of(panel).weights(rows, [])
    is_up = panel.label == 1
    assert weight[is_up].sum() == pytest.approx(weight[~is_up].sum())
    plain = training_of(panel, with_model(balance=False)).weights(rows, [])
    assert (plain == 1.0).all()


def test_replay_raises_the_worst_errors_of_earlier_blocks(panel, walk):
    training = training_of(panel, with_model(use_replay=True, balance=False))
    rows = training_places(panel, training.protocol, FINAL_BLOCK)
    weight = training.weights(rows, [walk.oof])
    said = walk.oof.assign(error=(walk.oof["label"] - walk.oof["oof_probability"]).abs())
    worst = said.nlargest(1, "error")[["symbol", "session", "rung"]]
    raised = panel.rows.iloc[rows[weight > 1]]
    assert set(np.unique(weight)) == {1.0, CONFIG.sampling.replay.weight}
    assert len(raised.merge(worst, on=["symbol", "session", "rung"])) == 1


def test_the_deployed_model_has_seen_every_closed_fall(panel, walk):
    training = training_of(panel)
    deployed = training.deployed(walk)
    assert deployed.trained.n_rows == len(panel.rows) > walk.judged.trained.n_rows
    assert deployed.stack is walk.judged.stack
    assert deployed.recipe.recipe_id == walk.judged.recipe.recipe_id


def test_an_expected_multiple_is_what_its_parts_pay():
    flat = Line(0.0, 1.0, -9.0, 9.0, 2.0)
    payoff = Payoff(flat, -1.0, Line(0.1, 0.0, 0.0, 0.0, 0.0))
    X = pd.DataFrame({"reward_to_risk": [3.0, np.nan], "stop_distance_frac": [0.01, np.nan]})
    found = payoff.expected(np.array([0.5, 0.5]), X)
    # Half of 3 less half of 1 less costs; without a reward, half of the mean one.
    np.testing.assert_allclose(found, [0.9, 0.4])


@pytest.mark.parametrize(
    ("probability", "risk"), [(0.39, 0.0), (0.40, 0.25), (0.55, 0.5), (0.60, 1.0), (1.0, 1.0)]
)
def test_a_probability_has_the_risk_of_the_highest_tier_it_reaches(probability, risk):
    tiers = FALLS.model.tiers
    assert risk_tiers([probability], [0.1], tiers).tolist() == [risk]
    assert risk_tiers([probability], [0.1], tiers[::-1]).tolist() == [risk]
    assert risk_tiers([probability] * 2, [0.0, -0.1], tiers).tolist() == [0.0, 0.0]


def test_too_few_falls_are_said_to_be_too_few(panel):
    few = replace(panel, rows=panel.rows.head(40), X=panel.X.head(40))
    none = replace(panel, rows=panel.rows.head(0), X=panel.X.head(0))
    alike = replace(panel, rows=panel.rows.assign(label=0))
    assert "40 closed outcomes" in why_not(few, FALLS)
    assert "no closed outcome" in why_not(none, FALLS)
    assert "alike" in why_not(alike, FALLS)
    assert why_not(panel, FALLS) == ""


def test_a_hold_out_moves_on_only_until_it_can_be_judged(panel):
    config = with_model(min_events=10, min_sessions=5)
    half = panel.rows["session_date"] <= panel.rows["session_date"].quantile(0.6)
    protocol = make_fall_protocol(panel.rows[half], QUICK, "test")
    assert fall_protocol_due(protocol, panel, QUICK, CONFIG.splits)
    assert not fall_protocol_due(protocol, panel, config, CONFIG.splits)
    short = CONFIG.splits.model_copy(update={"renew_after_sessions": 1})
    assert fall_protocol_due(protocol, panel, config, short)


def test_falls_after_the_hold_out_do_not_make_it_assessable(panel):
    early = panel.rows["session_date"] <= panel.rows["session_date"].quantile(0.8)
    protocol = make_fall_protocol(panel.rows[early], QUICK, "test")
    n_early, n_all = int(early.sum()), len(panel.rows)
    assert study_size(panel, protocol) == n_early < n_all
    # Enough only together with falls that nobody judged: the hold-out moves on to them.
    config = with_model(min_events=n_early + 1, min_sessions=5)
    assert fall_protocol_due(protocol, panel, config, CONFIG.splits)
    config = with_model(min_events=n_early, min_sessions=5)
    assert not fall_protocol_due(protocol, panel, config, CONFIG.splits)


def test_metrics_say_what_is_not_assessable(walk):
    table = score_falls(walk.scores.sample(frac=1, random_state=1), 999, QUICK)
    assert set(table["learner"]) == {"model", "trivial", "majority"}
    assert not table["is_assessable"].any()
    low = with_model(min_events=100, min_sessions=10)
    judged = score_falls(walk.scores, 999, low)
    whole = judged[judged["regime"] == "all"]
    assert whole["is_assessable"].all()
    assert (whole["accuracy_low"] < whole["accuracy"]).all()
    drop = ["is_assessable"]
    pd.testing.assert_frame_equal(table.drop(columns=drop), judged.drop(columns=drop))


def evidence_of(walk, config):
    return fall_evidence(
        walk.scores,
        config,
        model_version="m",
        recipe_id="r",
        protocol_id="p",
        holdout_reads=1,
        n_study=999,
        latency_ms=3.0,
        model_mb=0.2,
    )


def lines(verdict):
    return {line.criterion: line for line in verdict.criteria}


def test_few_falls_claim_no_number_and_leave_the_verdict_open(walk):
    verdict = judge_falls(evidence_of(walk, QUICK), QUICK.model, CONFIG.gate)
    assert verdict.verdict == UNDECIDED
    found = lines(verdict)
    assert found["events"].is_passed is None
    assert found["gain_r"].is_passed is None
    assert found["gain_r"].detail.startswith("not assessable")
    assert found["latency_ms"].is_passed is True
    assert verdict_words(verdict).startswith("Not assessable")


def test_the_gain_is_the_mean_of_the_selected_less_that_of_all(walk):
    evidence = evidence_of(walk, QUICK)
    tradable = walk.scores[walk.scores["is_holdout"] & walk.scores["is_first"]]
    chosen = tradable.loc[tradable["is_selected"], "r_multiple"].mean()
    whole = tradable["r_multiple"].mean()
    assert evidence.gain_r.value == pytest.approx(chosen - whole)
    assert evidence.gain_r.low < evidence.gain_r.value < evidence.gain_r.high
    assert evidence.gain_frac == pytest.approx((chosen - whole) / abs(whole))


def proven(**changes):
    from trading_pipeline.domain.gate.evidence import Estimate

    good = Estimate(0.3, 0.1, 0.5, "made")
    return replace(
        FallEvidence(
            model_version="m",
            recipe_id="r",
            protocol_id="p",
            holdout_reads=1,
            n_study=6000,
            n_events=2000,
            n_sessions=200,
            accuracy=Estimate(0.75, 0.7, 0.8, "made"),
            accuracy_gain=good,
            auc_gain=good,
            gain_r=good,
            gain_frac=2.0,
            ece=0.01,
            calibration_slope=1.0,
            latency_ms=3.0,
            model_mb=0.2,
        ),
        **changes,
    )


def test_what_holds_everywhere_is_promoted():
    verdict = judge_falls(proven(), FALLS.model, CONFIG.gate)
    assert verdict.verdict == PROMOTED
    assert verdict_words(verdict).startswith("A tradable edge")


@pytest.mark.parametrize(
    ("field", "value", "criterion"),
    [
        ("accuracy", 0.64, "accuracy"),
        ("accuracy_gain", (0.1, -0.01), "accuracy_above_majority"),
        ("auc_gain", (0.1, -0.01), "auc_above_trivial"),
        ("gain_r", (0.09, 0.01), "gain_r"),
        ("gain_r", (0.2, -0.01), "gain_r_low"),
        ("gain_frac", 0.09, "gain_frac"),
    ],
)
def test_one_missed_criterion_means_no_tradable_edge(field, value, criterion):
    from trading_pipeline.domain.gate.evidence import Estimate

    if isinstance(value, tuple):
        value = Estimate(value[0], value[1], 1.0, "made")
    elif field == "accuracy":
        value = Estimate(value, 0.6, 0.7, "made")
    verdict = judge_falls(proven(**{field: value}), FALLS.model, CONFIG.gate)
    assert verdict.verdict == REJECTED
    assert lines(verdict)[criterion].is_passed is False
    assert verdict_words(verdict) == f"No tradable edge found: {criterion} missed."


@pytest.mark.parametrize(
    ("field", "value"),
    [("ece", 0.5), ("calibration_slope", 0.1), ("latency_ms", 1e4), ("model_mb", 1e4)],
)
def test_a_model_that_cannot_be_served_is_rejected_as_such(field, value):
    verdict = judge_falls(proven(**{field: value}), FALLS.model, CONFIG.gate)
    assert verdict.verdict == REJECTED
    assert verdict_words(verdict) == f"Not fit for service: {field} missed."
