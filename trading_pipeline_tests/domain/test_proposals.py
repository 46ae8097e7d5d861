"""Rare spells are proposed with what was known then, and join no catalogue by themselves."""

import tomllib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import MemoryConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.memory.proposals import (
    STRESS,
    lines_to_paste,
    propose_events,
    rarity_of,
    spells_of_stress,
)
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.settings_of import shipped

DAYS = session_table()
DAYS = DAYS[DAYS["session_date"] >= "2012-01-03"].reset_index(drop=True)


def memory(**changes):
    proposals = shipped(MemoryConfig, "memory").proposals.model_copy(update=changes)
    return shipped(MemoryConfig, "memory", proposals=proposals.model_dump())


def made_regimes(spells, n_sessions=400):
    """Return regimes: (first place, sessions, VIX peak, fall) of each stressed spell."""
    days = DAYS.iloc[:n_sessions]
    rows = pd.DataFrame(
        {
            "session_date": days["session_date"],
            "session": days["session"],
            "regime": "normal",
            "drawdown_frac": -0.01,
            "vix_close": 15.0,
            "known_at": at_new_york(days["session_date"], DECISION_TIME),
        }
    )
    for first, length, peak, fall in spells:
        last = first + length - 1
        rows.loc[first:last, "regime"] = "crash" if peak > 35 else "high_volatility"
        rows.loc[first:last, "vix_close"] = np.linspace(26, peak, length)
        rows.loc[first:last, "drawdown_frac"] = np.linspace(-0.02, fall, length)
    return rows


MILD = [(10 + 10 * k, 4, 28 + 0.1 * k, -0.05) for k in range(20)]
RARE = [*MILD, (230, 11, 60.0, -0.10)]


def test_a_spell_worse_than_all_before_it_is_proposed_with_its_evidence():
    begun, ended = propose_events(made_regimes(RARE), memory(min_past_spells=20)).to_dict("records")
    rows = made_regimes(RARE)
    assert (begun["state"], ended["state"]) == ("begun", "ended")
    assert begun["proposal"] == ended["proposal"] == f"stress_{rows['session_date'][230]:%Y_%m_%d}"
    # 26, 29.4, 32.8, …: the third session is the first above nine tenths of the twenty before it.
    assert begun["last_date"] == rows["session_date"][232]
    assert begun["vix_peak"] == pytest.approx(32.8)
    assert begun["known_at"] == rows["known_at"][232]
    assert ended["last_date"] == rows["session_date"][240]
    assert ended["known_at"] == rows["known_at"][241]
    assert ended["n_sessions"] == 11
    assert ended["regime"] == "crash"
    assert ended["vix_peak"] == 60
    assert ended["drawdown_frac"] == -0.10
    assert ended["rarity_frac"] == 0
    assert ended["n_past_spells"] == 20
    assert pd.isna(ended["covered_by"])


def test_a_usual_spell_and_one_with_too_few_before_it_are_not_proposed():
    usual = [*MILD, (230, 5, 28.5, -0.04)]
    assert propose_events(made_regimes(usual), memory(min_past_spells=20)).empty
    assert propose_events(made_regimes(RARE), memory(min_past_spells=21)).empty


def test_a_spell_that_runs_to_the_end_of_the_data_has_begun_and_not_ended():
    found = propose_events(made_regimes(RARE).iloc[:236], memory(min_past_spells=20))
    assert found["state"].tolist() == ["begun"]


def test_missing_falls_and_vix_values_are_no_evidence():
    rows = made_regimes(RARE)
    blank = rows.assign(vix_close=np.nan)
    found = propose_events(blank, memory(min_past_spells=20))
    assert found["vix_peak"].isna().all()
    assert (found["rarity_frac"] == 0).all()
    assert propose_events(
        rows.assign(vix_close=np.nan, drawdown_frac=np.nan), memory(min_past_spells=20)
    ).empty


@given(seed=st.integers(0, 200), cut=st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_cutting_the_data_never_changes_an_earlier_proposal(seed, cut):
    random = np.random.default_rng(seed)
    rows = made_regimes([])
    rows["regime"] = np.repeat(random.choice(["normal", "recovery", *STRESS], len(rows) // 4), 4)
    rows["vix_close"] = np.round(random.gamma(4, 6, len(rows)), 1)
    rows["drawdown_frac"] = -np.round(random.exponential(0.05, len(rows)), 3)
    rules = memory(min_past_spells=5)
    whole = propose_events(rows, rules)
    early = propose_events(rows.iloc[:cut].sample(frac=1, random_state=seed), rules)
    known = whole[whole["known_at"] <= rows["known_at"].iloc[cut - 1]].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, early)


def test_rarity_is_the_share_of_past_spells_as_bad():
    past = [(0.1, np.nan), (0.2, 30.0), (0.3, 40.0), (0.3, np.nan)]
    assert rarity_of(np.array([0.05, 0.3, 0.31, np.nan]), past, 0)[:3].tolist() == [1, 0.5, 0]
    assert rarity_of(np.array([30.0, 35.0]), past, 1).tolist() == [1, 0.5]
    assert np.isnan(rarity_of(np.array([30.0]), [], 0)).all()
    regime = np.array(["crash", "normal", "high_volatility", "crash"], dtype=object)
    assert list(spells_of_stress(regime)) == [(0, 0), (2, 3)]


def test_the_lines_pasted_into_a_settings_file_add_the_event_and_stop_its_proposal(tmp_path):
    rows, rules = made_regimes(RARE), memory(min_past_spells=20)
    lines = lines_to_paste(propose_events(rows, rules), rules)
    assert len(tomllib.loads(lines)["memory"]["own_events"]) == 1
    path = tmp_path / "mine.toml"
    path.write_text(lines)
    config = load_settings(config_file=path, environment={}).memory
    assert len(config.catalogue) == 9
    assert len(config.events) == 8
    found = propose_events(rows, config)
    assert set(found["covered_by"]) == {config.own_events[0].event}
    assert lines_to_paste(found, config) == ""
    path.write_text(f"{lines}\n\n{lines}")
    with pytest.raises(InputError, match="share a name"):
        load_settings(config_file=path, environment={})
