"""One spell of drift is one episode, however often the table is computed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import DriftConfig
from trading_pipeline.domain.drift.episodes import EPISODE_COLUMNS, find_episodes

CONFIG = DriftConfig(
    window_sessions=20,
    psi_watch=0.1,
    psi_drifted=0.25,
    n_bins=10,
    bootstrap_samples=50,
    feature_quantile=0.99,
    share_quantile=0.995,
    confirm_sessions=3,
    outcome_horizons=12,
    max_age_sessions=5,
    cooldown_sessions=4,
    seed=7,
)
NONE = pd.DataFrame(columns=list(EPISODE_COLUMNS))
DATES = pd.bdate_range("2024-01-01", periods=60).astype("datetime64[ns]")


def sessions_of(beyond, ages=None, model_version="1"):
    """Return drift.sessions with these flags and ages."""
    running, rows = 0, []
    for place, flag in enumerate(beyond):
        running = running + 1 if flag else 0
        rows.append((model_version, DATES[place], place, 0.5 if flag else 0.0, running))
    frame = pd.DataFrame(
        rows, columns=["model_version", "session_date", "session", "share_drifted", "n_running"]
    )
    return frame.assign(
        share_threshold=0.1,
        is_beyond=np.array(beyond, dtype=bool),
        age_sessions=0 if ages is None else ages,
    )


SILENT = pd.DataFrame({"model_version": [], "session": [], "n_spread": [], "n_worse": []})


def said_of(spread, worse):
    """Return drift.predictions of the same sessions, with these flags."""
    return pd.DataFrame(
        {
            "model_version": "1",
            "session": np.arange(len(spread)),
            "n_spread": [sum(spread[place - 2 : place + 1]) for place in range(len(spread))],
            "n_worse": [sum(worse[place - 2 : place + 1]) for place in range(len(worse))],
        }
    )


def found(beyond, ages=None, previous=NONE):
    """Return the episodes."""
    return find_episodes(previous, sessions_of(beyond, ages), SILENT, CONFIG, "1")


def test_an_episode_opens_when_the_share_is_beyond_on_three_sessions_running():
    episodes = found([1, 1, 0, 1, 1, 1, 0])
    assert episodes["episode_id"].tolist() == [f"1:{DATES[5]:%Y-%m-%d}"]
    assert episodes["reason"].tolist() == ["features"]
    assert episodes["share_drifted"].tolist() == [0.5]
    assert episodes["state"].tolist() == ["open"]


def test_two_sessions_are_not_enough():
    assert found([1, 1, 0, 1, 1, 0]).empty


def test_an_episode_opens_when_training_is_older_than_five_sessions():
    episodes = found([0] * 8, ages=list(range(1, 9)))
    assert episodes[["reason", "opened_date"]].values.tolist() == [["age", DATES[5]]]


def test_while_one_is_open_no_other_opens():
    episodes = found([1] * 6 + [0] + [1] * 4)
    assert len(episodes) == 1
    assert episodes["last_date"].tolist() == [DATES[10]]


def test_it_cools_after_four_quiet_sessions_and_the_next_spell_is_a_new_one():
    episodes = found([1] * 3 + [0] * 4 + [1] * 3)
    assert episodes["state"].tolist() == ["cooled", "open"]
    assert episodes["opened_date"].tolist() == [DATES[2], DATES[9]]
    assert episodes["last_date"].tolist() == [DATES[2], DATES[9]]


def test_a_new_model_in_service_closes_the_episode_of_the_old_one():
    before = found([1] * 3)
    after = find_episodes(before, sessions_of([], model_version="2"), SILENT, CONFIG, "2")
    assert after[["model_version", "state"]].values.tolist() == [["1", "promoted"]]


def test_a_closed_episode_is_never_touched_again():
    cooled = found([1] * 3 + [0] * 4)
    rewritten = found([1] * 3 + [1] * 4, previous=cooled)
    pd.testing.assert_frame_equal(rewritten, cooled)


def test_an_age_episode_survives_the_retrain_that_resets_the_age():
    opened = found([0] * 7, ages=list(range(1, 8)))
    later = found([0] * 9, ages=[0] * 7 + [1, 2], previous=opened)
    assert later["state"].tolist() == ["open"]
    assert found([0] * 11, ages=[0] * 11, previous=opened)["state"].tolist() == ["cooled"]


def test_a_model_without_sessions_has_no_episode():
    assert found([]).columns.tolist() == list(EPISODE_COLUMNS)


flags = st.lists(st.booleans(), max_size=50)


@settings(max_examples=25, deadline=None)
@given(beyond=flags, cut=st.integers(0, 50), seed=st.integers(0, 99))
def test_computing_again_or_day_by_day_gives_the_same_table(beyond, cut, seed):
    ages = np.random.default_rng(seed).integers(0, 7, len(beyond)).tolist()
    at_once = found(beyond, ages)
    again = found(beyond, ages, previous=at_once)
    partly = found(beyond[:cut], ages[:cut])
    in_steps = found(beyond, ages, previous=partly)
    shuffled = sessions_of(beyond, ages).sample(frac=1, random_state=seed)
    any_order = find_episodes(partly.iloc[::-1], shuffled, SILENT, CONFIG, "1")
    for other in (again, in_steps, any_order):
        pd.testing.assert_frame_equal(other, at_once)


@settings(max_examples=25, deadline=None)
@given(beyond=flags)
def test_at_most_one_episode_is_open_and_spells_never_overlap(beyond):
    episodes = found(beyond)
    assert (episodes["state"] == "open").sum() <= 1
    assert not episodes["episode_id"].duplicated().any()
    assert (episodes["last_date"] >= episodes["opened_date"]).all()
    assert (episodes["opened_date"].iloc[1:].values > episodes["last_date"].iloc[:-1].values).all()


@pytest.mark.parametrize("state", ["cooled", "promoted"])
def test_episodes_of_other_models_keep_their_closed_state(state):
    before = found([1] * 3).assign(state=state)
    after = find_episodes(before, sessions_of([1] * 3, model_version="2"), SILENT, CONFIG, "2")
    assert after["state"].tolist() == [state, "open"]


@pytest.mark.parametrize(
    ("spread", "worse", "reason"),
    [([0, 0, 1, 1, 1], [0] * 5, "scores"), ([0] * 5, [0, 0, 1, 1, 1], "outcomes")],
)
def test_scores_and_outcomes_open_an_episode_of_their_own_reason(spread, worse, reason):
    said = said_of(spread, worse)
    episodes = find_episodes(NONE, sessions_of([0] * 5), said, CONFIG, "1")
    assert episodes["reason"].tolist() == [reason]
    assert episodes["opened_date"].tolist() == [DATES[4]]
    others = said.assign(model_version="2")
    assert find_episodes(NONE, sessions_of([0] * 5), others, CONFIG, "1").empty


def test_features_name_the_episode_where_several_fire_at_once():
    said = said_of([1] * 4, [1] * 4)
    episodes = find_episodes(NONE, sessions_of([0, 1, 1, 1]), said, CONFIG, "1")
    assert episodes["reason"].tolist() == ["scores"]
    episodes = find_episodes(NONE, sessions_of([1] * 4), said, CONFIG, "1")
    assert episodes["reason"].tolist() == ["features"]
