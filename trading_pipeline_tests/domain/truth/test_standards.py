"""The bars of the truth suite judge what can be judged, and nothing else."""

import pytest

from trading_pipeline.domain.truth.standards import share_interval, standards
from trading_pipeline.domain.truth.suite import LARGE, SMALL, suite_tasks

LARGE_SIZE = {"n_symbols": LARGE[0], "n_sessions": LARGE[1]}


def nulls(aucs, *, covers=True, kind="null", promoted=0):
    return [
        {
            "kind": kind,
            "auc": auc,
            "auc_low": auc - 0.5 if covers else auc + 0.01,
            "auc_high": auc + 0.5,
            "is_promoted": place < promoted,
        }
        for place, auc in enumerate(aucs)
    ]


def planted(aucs, signal="linear", level=0.65, size=LARGE_SIZE):
    return [
        {
            "kind": "planted",
            "signal": signal,
            "oracle_auc_planted": level,
            "oracle_auc": level,
            "auc": auc,
            "auc_low": auc - 0.02,
            "auc_high": auc + 0.02,
            **size,
        }
        for auc in aucs
    ]


def met(results):
    return {bar.name: bar.is_met for bar in standards(results)}


def test_forty_null_markets_at_one_half_meet_the_bar():
    found = met(nulls([0.497, 0.503] * 20))
    assert found["null: mean AUC"] is True
    assert found["null: intervals that cover 0.5"] is True


def test_forty_null_markets_that_show_skill_miss_it():
    found = met(nulls([0.512] * 20 + [0.508] * 20, covers=False))
    assert found["null: mean AUC"] is False
    assert found["null: intervals that cover 0.5"] is False


def test_few_markets_off_by_chance_are_not_assessable_but_a_clear_fault_is_a_miss():
    for aucs in ([0.47, 0.55, 0.49, 0.53], [0.5] * 39):
        found = met(nulls(aucs))
        assert found["null: mean AUC"] is None
        assert found["null: intervals that cover 0.5"] is None
    assert met(nulls([0.57, 0.571, 0.572, 0.569]))["null: mean AUC"] is False


@pytest.mark.parametrize(
    ("n", "promoted", "expected"), [(124, 2, True), (124, 3, False), (20, 0, None), (20, 3, False)]
)
def test_the_gate_may_promote_two_of_124_small_markets(n, promoted, expected):
    found = met(nulls([0.5] * n, kind="small", promoted=promoted))
    assert found["gate: share of null markets promoted"] is expected


def test_random_folds_must_show_their_flaw():
    for auc, expected in ((0.66, True), (0.60, False)):
        found = met([{"kind": "control", "auc": auc, "n_rows": 100}])
        assert found == {"positive control: AUC of random folds": expected}


def test_the_recovered_share_is_pooled_over_five_large_seeds():
    bars = {bar.name: bar for bar in standards(planted([0.645, 0.648, 0.64, 0.646, 0.645]))}
    share = bars["linear 0.65: recovered share"]
    assert share.value == pytest.approx(0.1448 / 0.15)
    assert share.is_met is True
    assert met(planted([0.60] * 5))["linear 0.65: recovered share"] is False


def test_small_or_few_planted_markets_show_a_share_without_a_judgement():
    small = {"n_symbols": SMALL[0], "n_sessions": SMALL[1]}
    for results in (planted([0.60] * 5, size=small), planted([0.60] * 4)):
        found = met(results)
        assert found["linear 0.65: recovered share"] is None
        assert found["linear 0.65: lowest AUC interval is above 0.5"] is True
    assert met(planted([0.51]))["linear 0.65: lowest AUC interval is above 0.5"] is False


def test_a_market_without_a_number_is_left_out_of_the_bars():
    empty = [{**nulls([0.5])[0], "auc": None, "auc_low": None, "auc_high": None}]
    assert "null: mean AUC" not in met(empty)


def test_what_volatility_alone_reaches_stands_beside_the_null_markets():
    results = [{**result, "volatility_auc": 0.52} for result in nulls([0.5] * 40)]
    bars = {bar.name: bar for bar in standards(results)}
    assert bars["null: mean AUC"].note == "volatility only 0.5200"


def test_the_interval_of_a_share_holds_it_and_narrows_with_more():
    few, many = share_interval(1, 10), share_interval(100, 1000)
    for share, low, high in (few, many):
        assert low < share < high
    assert many[2] - many[1] < few[2] - few[1]


def test_the_full_suite_holds_what_the_standards_ask_for():
    tasks = suite_tasks("full")
    assert sum(task.kind == "small" for task in tasks) == 124
    assert sum(task.kind == "null" for task in tasks) == 40
    large = [task for task in tasks if task.kind == "planted"]
    assert {(task.signal, task.oracle_auc) for task in large} == {
        (signal, level) for signal in ("linear", "interaction", "regime") for level in (0.6, 0.65)
    }
    assert len(large) == 30
    assert len({task.name for task in tasks}) == len(tasks)


def test_the_quick_suite_holds_twenty_null_one_planted_and_one_control():
    kinds = [task.kind for task in suite_tasks("quick")]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "null": 20,
        "planted": 1,
        "control": 1,
    }
    assert {(task.n_symbols, task.n_sessions) for task in suite_tasks("quick")} == {SMALL}
