"""A part's effect is told from the same rows, and a switch changes one setting."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import SwitchName
from trading_pipeline.domain.ensemble.effects import (
    SWITCHES,
    default_trials,
    effect_by_regime,
    finding,
    is_on,
    turned_over,
)
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.settings import load_settings

CONFIG = load_settings(environment={})
GATE = CONFIG.gate


def made(n_sessions=400, n_symbols=6):
    """Return decisions whose probability knows a little of the label."""
    random = np.random.default_rng(3)
    session = np.repeat(np.arange(n_sessions), n_symbols)
    label = random.integers(0, 2, session.size)
    return pd.DataFrame(
        {
            "symbol": np.tile([f"S{i}" for i in range(n_symbols)], n_sessions),
            "session": session,
            "label": label,
            "oof_probability": 1 / (1 + np.exp(-random.normal(0.4 * label))),
            "regime": np.where(session < 300, "normal", "crash"),
        }
    )


def effects():
    """Return rows of ensemble.effects: a part that helps in a crash, and one that does nothing."""
    on, off = known_in_crash(), made()
    parts = {"stack": (on, off), "replay": (off, off)}
    return pd.concat(
        effect_by_regime(*sides, 5, GATE).assign(switch=name, acts=True, protocol_id="p")
        for name, sides in parts.items()
    )


def known_in_crash():
    """Return the decisions with a probability that knows the label in a crash."""
    off = made()
    known = 0.3 * off["label"] + 0.2
    return off.assign(oof_probability=off["oof_probability"].mask(off["regime"] == "crash", known))


def test_the_same_predictions_differ_by_nothing():
    lines = effect_by_regime(made(), made(), 5, GATE)
    assert lines["regime"].tolist() == ["all", "crash", "normal"]
    assert (lines[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)


def test_a_side_that_knows_more_is_better_in_its_regime_alone():
    off = made()
    helped = off["regime"] == "crash"
    on = known_in_crash().sample(frac=1, random_state=1)
    lines = effect_by_regime(on, off, 5, GATE).set_index("regime")
    crash = off[helped]
    assert lines.loc["crash", "difference"] == pytest.approx(
        1 - auc(crash["oof_probability"], crash["label"])
    )
    assert lines.loc["crash", "difference_low"] > 0
    assert lines.loc["crash", "finding"] == "helps"
    assert lines.loc["normal", "finding"] == "unclear"
    assert lines.loc["normal", "difference"] == 0
    assert lines["n_rows"].tolist() == [2400, 600, 1800]


def test_sides_of_different_decisions_are_refused():
    with pytest.raises(ValueError, match="same decisions"):
        effect_by_regime(made(), made().iloc[5:], 5, GATE)


def test_a_finding_needs_an_interval_clear_of_zero_and_enough_horizons():
    assert finding(0.01, 0.02, is_assessable=True) == "helps"
    assert finding(-0.02, -0.01, is_assessable=True) == "hurts"
    assert finding(-0.01, 0.01, is_assessable=True) == "unclear"
    assert finding(0.01, 0.02, is_assessable=False) == "not assessable"
    assert finding(np.nan, np.nan, is_assessable=True) == "not assessable"


def test_every_switch_of_the_settings_can_be_turned_over():
    assert tuple(SWITCHES) == get_args(SwitchName)


@pytest.mark.parametrize("switch", get_args(SwitchName))
def test_a_switch_turns_one_setting_over_and_no_other(switch):
    other = turned_over(CONFIG, switch)
    assert is_on(other, switch) is not is_on(CONFIG, switch)
    assert turned_over(other, switch) == CONFIG
    was, now = (
        {(section, field): value for section, own in tree.items() if isinstance(own, dict)
         for field, value in own.items()}
        for tree in (CONFIG.model_dump(), other.model_dump())
    )  # fmt: skip
    assert [key for key in was if was[key] != now[key]] == [SWITCHES[switch]]


def test_without_a_search_each_sweep_has_its_default_trial_alone():
    trials = pd.DataFrame({"learner": ["a", "a", "b"], "trial": [0, 1, 0], "auc": [0.5, 0.6, 0.4]})
    assert default_trials(trials)["auc"].tolist() == [0.5, 0.4]
