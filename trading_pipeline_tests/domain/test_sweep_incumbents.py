"""A new protocol starts from the parameters in service, and repeating it changes nothing."""

import json
from datetime import date, timedelta

import pandas as pd

from trading_pipeline.contracts.config import SweepsConfig
from trading_pipeline.domain.splits.protocol import Protocol, with_id
from trading_pipeline.domain.sweeps.incumbents import Champion, choose_incumbent, sweep_id_of
from trading_pipeline.domain.sweeps.plan import fitted_to_space, planned_trials
from trading_pipeline.domain.sweeps.spaces import Candidate, candidate_point, default_candidate
from trading_pipeline_tests.domain.settings_of import shipped
from trading_pipeline_tests.domain.test_sweeps import WINDOWS, market, run

CONFIG = shipped(SweepsConfig, "sweeps", n_trials=6, n_new_trials=3)


def day(year, month):
    """Return the month's second Wednesday, which is no holiday."""
    eighth = date(year, month, 8)
    return eighth + timedelta((2 - eighth.weekday()) % 7)


def protocol(year, universe="u"):
    starts = tuple(day(year - back, 3) for back in (6, 5, 4))
    edges = (day(year, 6), day(year, 12), day(year - 9, 6))
    return with_id(Protocol("", universe, *edges, starts, "walk_forward", 20))


OLD, NEW, LATER = protocol(2016), protocol(2019), protocol(2024)
KNOWN = {one.protocol_id: one for one in (OLD, NEW, LATER)}


def candidate(leaves, window=21):
    default = default_candidate("lightgbm", WINDOWS)
    return Candidate({**default.params, "num_leaves": leaves}, {"rsi": window})


def table(searched, block=0, origin="sampler"):
    """Return the learner's table of one search with two trials; the second wins."""
    rows = [
        {
            "sweep_id": sweep_id_of("lightgbm", searched.protocol_id, block),
            "learner": "lightgbm", "block": block, "trial": trial, "state": "complete",
            "origin": origin if trial else "default", "auc": 0.5 + trial / 100,
            "gross_frac": 0.01, "turnover": 1.0, "best_round": 9,
            "params_json": json.dumps(candidate(9 + trial).to_record()),
        }
        for trial in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def chosen(previous, block=0, protocol=NEW, champion=None, known=KNOWN):
    found = choose_incumbent("lightgbm", block, protocol, known, previous, champion)
    return found and found.candidate


def champion_of(searched, leaves=20):
    return Champion("v1", searched.protocol_id, {"lightgbm": candidate(leaves)})


def test_a_first_search_is_cold():
    assert chosen(table(NEW).iloc[:0]) is None


def test_the_best_of_the_last_protocol_is_where_a_new_one_starts():
    assert chosen(table(OLD)) == candidate(10)
    assert chosen(table(OLD, block=2), block=2) == candidate(10)


def test_the_champion_comes_before_the_last_search_but_only_for_the_final_fit():
    champion = champion_of(OLD)
    assert chosen(table(OLD), champion=champion) == candidate(20)
    assert chosen(table(OLD, block=2), block=2, champion=champion) == candidate(10)
    other = Champion("v1", OLD.protocol_id, {"mlp": candidate(20)})
    assert chosen(table(OLD), champion=other) == candidate(10)


def test_what_saw_later_data_than_the_cut_is_never_taken():
    assert chosen(table(LATER)) is None
    assert chosen(table(LATER, block=2), block=2) is None
    assert chosen(table(OLD), champion=champion_of(LATER)) == candidate(10)


def test_another_market_or_target_lends_no_parameters():
    elsewhere = protocol(2015, universe="other")
    assert chosen(table(elsewhere), known=KNOWN | {elsewhere.protocol_id: elsewhere}) is None


def test_a_protocol_searched_again_starts_where_it_did_whoever_is_champion_now():
    assert chosen(table(NEW), champion=champion_of(OLD)) is None
    started = table(NEW, origin="incumbent")
    assert chosen(started, champion=champion_of(OLD)) == candidate(10)


def test_a_warm_search_makes_the_default_the_incumbent_and_some_new_trials():
    plan = planned_trials("lightgbm", WINDOWS, CONFIG, candidate(9), has_skill=True)
    assert [one.origin for one in plan] == ["default", "incumbent"] + ["sampler"] * 3
    assert plan[1].point == candidate_point(candidate(9))
    data, folds = market()
    trials = run(data, folds, incumbent=candidate(9), n_new_trials=2)
    tried = [Candidate.from_record(json.loads(text)) for text in trials["params_json"]]
    assert len(tried) == 4
    assert tried[:2] == [default_candidate("lightgbm", WINDOWS), candidate(9)]


def test_a_cold_search_makes_all_its_trials():
    plan = planned_trials("lightgbm", WINDOWS, CONFIG, None, has_skill=True)
    assert [one.origin for one in plan] == ["default"] + ["rotation"] * 2 + ["sampler"] * 3


def test_an_incumbent_that_is_the_default_is_tried_once():
    default = default_candidate("lightgbm", WINDOWS)
    plan = planned_trials("lightgbm", WINDOWS, CONFIG, default, has_skill=True)
    assert [one.origin for one in plan] == ["incumbent"] + ["sampler"] * 3


def test_a_search_without_hope_or_choice_tries_the_default_alone():
    for learner, has_skill in (("lightgbm", False), ("svm", True)):
        plan = planned_trials(learner, WINDOWS, CONFIG, candidate(9), has_skill=has_skill)
        assert [one.origin for one in plan] == ["default"]


def test_an_incumbent_outside_todays_space_is_moved_into_it():
    wild = Candidate({"num_leaves": 500, "learning_rate": 0.03}, {"rsi": 99, "gone": 3})
    default = default_candidate("lightgbm", WINDOWS)
    held = fitted_to_space(wild, "lightgbm", WINDOWS)
    assert held.params == {**default.params, "num_leaves": 31, "learning_rate": 0.03}
    assert held.windows == default.windows
