"""Errors return to training only once their outcome is known, in bounds, and never by default."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import ReplayConfig, SamplingConfig
from trading_pipeline.contracts.data_config import MemoryConfig
from trading_pipeline.domain.ensemble.training import KEYS, Panel, training_set
from trading_pipeline.domain.memory.replay import (
    prediction_errors,
    replay_buffer,
    replay_factors,
    replay_keys,
)
from trading_pipeline.domain.proof.training_path import TriedPath
from trading_pipeline.domain.proof.training_trials import TRIALS, training_findings
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.domain.splits.training import TrainingRows
from trading_pipeline.resources import read_query
from trading_pipeline_tests.domain.proof.proof_market import training
from trading_pipeline_tests.domain.settings_of import shipped

SAMPLING = shipped(SamplingConfig, "sampling", balance=True, use_archive=True, use_weights=True)
ON = SAMPLING.model_copy(update={"use_replay": True})
MEMORY = shipped(MemoryConfig, "memory")
HORIZON = 5


def made_errors(n_sessions=60, n_symbols=4, seed=1):
    """Return the errors of predictions for every symbol and session."""
    random = np.random.default_rng(seed)
    session = np.tile(np.arange(n_sessions), n_symbols)
    return pd.DataFrame(
        {
            "symbol": np.repeat([f"S{i}" for i in range(n_symbols)], n_sessions),
            "session": session,
            "end_session": session + HORIZON,
            "error_frac": np.round(random.uniform(size=session.size), 2),
        }
    )


def made_panel(n_sessions=200, n_symbols=5, seed=2):
    """Return a panel of every symbol and session, regimes in runs."""
    random = np.random.default_rng(seed)
    session = np.tile(np.arange(n_sessions), n_symbols)
    regimes = np.array(["normal", "low_volatility", "high_volatility", "crash", "recovery"])
    shares = [0.5, 0.2, 0.2, 0.05, 0.05]
    of_session = np.repeat(random.choice(regimes, n_sessions // 20, p=shares), 20)
    frame = pd.DataFrame(
        {
            "symbol": np.repeat([f"S{i}" for i in range(n_symbols)], n_sessions),
            "session_date": pd.Timestamp("2020-01-01") + pd.to_timedelta(session, "D"),
            "session": session,
            "start_session": session + 1,
            "end_session": session + HORIZON,
            "label": random.integers(0, 2, session.size),
            "is_closed": True,
            "excess_return_frac": 0.0,
            "uniqueness": 0.5,
            "regime": of_session[session],
            "event_regime": None,
            "feature": 1.0,
        }
    )
    assert set(KEYS) < set(frame.columns)
    return Panel.build(frame)


def whole(panel):
    """Return every row as a candidate of the rolling window."""
    n = len(panel.rows)
    return TrainingRows(np.arange(n), np.full(n, None, dtype=object))


def test_the_error_is_the_distance_of_the_learners_mean_from_the_label():
    keys = {"symbol": "A", "session_date": pd.Timestamp("2020-01-02"), "session": 7, "block": 2}
    predictions = pd.DataFrame(
        [
            keys | {"learner": "two", "oof_probability": 0.9, "label": 0},
            keys | {"learner": "one", "oof_probability": 0.7, "label": 0},
        ]
    )
    spans = pd.DataFrame({"symbol": ["A"], "session": [7], "end_session": [27]})
    [row] = prediction_errors(predictions, spans).to_dict("records")
    assert row["oof_probability"] == pytest.approx(0.8)
    assert row["error_frac"] == pytest.approx(0.8)
    assert row["end_session"] == 27


@given(
    cut=st.integers(0, 80),
    max_age=st.integers(1, 60),
    worst_frac=st.floats(0, 1),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_the_buffer_holds_the_worst_of_what_was_known_and_is_fresh(cut, max_age, worst_frac, seed):
    errors = made_errors(seed=seed)
    config = ReplayConfig(worst_frac=worst_frac, weight=2, max_share=1, max_age_sessions=max_age)
    chosen = replay_buffer(errors, cut, config)
    again = replay_buffer(errors.sample(frac=1, random_state=seed), cut, config)
    pd.testing.assert_frame_equal(chosen, again)
    assert (chosen["end_session"] < cut).all()
    assert (cut - chosen["end_session"] <= max_age).all()
    assert chosen["place"].tolist() == list(range(1, len(chosen) + 1))
    known = errors[errors["end_session"].between(cut - max_age, cut - 1)]
    assert len(chosen) == int(worst_frac * len(known))
    left = known.merge(chosen[["symbol", "session"]], how="left", indicator=True)
    left = left.loc[left["_merge"] == "left_only", "error_frac"]
    if len(chosen) and len(left):
        assert left.max() <= chosen["error_frac"].min()


def test_what_is_not_yet_known_changes_nothing():
    errors = made_errors()
    open_ = errors["end_session"] >= 40
    changed = errors.assign(error_frac=errors["error_frac"].mask(open_, 1.0))
    pd.testing.assert_frame_equal(
        replay_buffer(errors, 40, SAMPLING.replay), replay_buffer(changed, 40, SAMPLING.replay)
    )


def test_an_error_leaves_the_buffer_as_it_ages():
    errors = made_errors(n_sessions=3, n_symbols=1)
    config = ReplayConfig(worst_frac=1, weight=2, max_share=1, max_age_sessions=10)
    sizes = [len(replay_buffer(errors, cut, config)) for cut in (5, 6, 8, 15, 16, 17, 18)]
    assert sizes == [0, 1, 3, 3, 2, 1, 0]


def test_by_default_nothing_is_replayed_and_the_training_set_keeps_every_bit():
    panel = made_panel()
    predictions = panel.rows.assign(block=1, learner="one", oof_probability=0.5)
    assert SAMPLING.use_replay is False
    assert replay_keys(predictions, panel.rows, 150, SAMPLING) is None
    assert replay_keys(None, panel.rows, 150, ON) is None
    assert replay_keys(predictions, panel.rows, 150, ON) is not None
    plain = training_set(panel, whole(panel), SAMPLING, MEMORY, 7)
    nothing = panel.rows.iloc[:0][["symbol", "session"]]
    empty = training_set(panel, whole(panel), ON, MEMORY, 7, nothing)
    assert plain.rows.tolist() == empty.rows.tolist()
    assert plain.weights.tolist() == empty.weights.tolist()


@given(seed=st.integers(0, 20), n_keys=st.integers(1, 300), share=st.floats(0, 0.3))
@settings(max_examples=40, deadline=None)
def test_replay_keeps_the_mix_adds_each_row_once_and_stays_under_its_cap(seed, n_keys, share):
    panel = made_panel(seed=seed)
    replay = SAMPLING.replay.model_copy(update={"max_share": share})
    sampling = ON.model_copy(update={"replay": replay})
    keys = panel.rows[["symbol", "session"]].sample(n_keys, random_state=seed)
    plain = training_set(panel, whole(panel), sampling, MEMORY, 7)
    chosen = training_set(panel, whole(panel), sampling, MEMORY, 7, keys)
    regime = panel.rows["regime"].to_numpy()
    for name in set(regime):
        assert (regime[chosen.rows] == name).sum() == (regime[plain.rows] == name).sum()
    own = np.unique(chosen.rows, return_counts=True)[1]
    assert own.max() <= SAMPLING.max_repeats
    base = 0.5 * np.array([SAMPLING.weights[name] for name in regime[chosen.rows]])
    raised = ~np.isclose(chosen.weights, base)
    assert raised.sum() <= share * chosen.rows.size
    assert np.allclose(chosen.weights[raised], replay.weight * base[raised])
    names = set(zip(keys["symbol"], keys["session"], strict=True))
    for row in np.unique(chosen.rows[raised]):
        assert (panel.rows["symbol"][row], panel.rows["session"][row]) in names


def test_a_replayed_row_outside_the_window_returns_once_and_one_inside_is_not_doubled():
    panel = made_panel()
    off = ON.model_copy(
        update={
            "balance": False,
            "replay": ON.replay.model_copy(update={"max_share": 1.0}),
        }
    )
    in_window = np.flatnonzero(panel.rows["session"] >= 100)
    candidates = TrainingRows(in_window, np.full(in_window.size, None, dtype=object))
    keys = panel.rows.loc[[10, 150], ["symbol", "session"]]
    chosen = training_set(panel, candidates, off, MEMORY, 7, keys)
    assert chosen.rows.tolist() == sorted([10, *in_window])


def test_the_worst_are_raised_first_when_repeats_reach_the_cap():
    drawn = np.array([3, 3, 3, 5, 6, 7, 8, 9, 1, 2])
    config = ReplayConfig(worst_frac=1, weight=3, max_share=0.3, max_age_sessions=1)
    assert replay_factors(drawn, np.array([3, 5]), config).tolist() == [3] * 3 + [1] * 7
    assert replay_factors(drawn, np.array([5, 3]), config).tolist() == [1] * 3 + [3] + [1] * 6


# The real path, replay switched on.


def replaying():
    market = training()
    config = market.config.model_copy(update={"sampling": ON})
    return type(market)(**{**vars(market), "config": config})


class UnresolvedErrors(TriedPath):
    """Errors of every earlier prediction return, though some outcomes lie in the block."""

    def replayed(self, block, earlier):  # noqa: ARG002
        """Return the worst errors as if the cut were the end of the data."""
        sampling = self.config.sampling
        return replay_keys(earlier, self.panel.rows, 10**6, _endless(sampling))

    def check_purged(self, block, rows):
        """Let them pass: the proof alone is to catch them."""


def _endless(sampling):
    replay = sampling.replay.model_copy(update={"max_age_sessions": 10**7})
    return sampling.model_copy(update={"replay": replay})


def test_errors_return_to_later_blocks_alone():
    market = replaying()
    off = {o.block: o for o in training().procedure()(market.inputs())}
    on = {o.block: o for o in market.procedure()(market.inputs())}
    models = {b: {k: v for k, v in o.fitted.items() if "model" in k} for b, o in on.items()}
    first = min(block for block in on if block != FINAL_BLOCK)
    for block, hashes in models.items():
        same = {k: v for k, v in off[block].fitted.items() if "model" in k} == hashes
        assert same is (block == first), block


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_training_path_with_replay_leaks_nothing(trial):
    market = replaying()
    found = training_findings(market, market.procedure(), trials=[trial])
    assert [finding.how for finding in found] == []


def test_a_replay_of_errors_whose_outcome_is_not_known_is_caught():
    market = replaying()
    procedure = market.procedure(UnresolvedErrors)
    # A label that reaches into the block is made by prices inside it.
    by_price = [trial for trial in TRIALS if trial.name == "prices"]
    assert training_findings(market, procedure, trials=by_price, is_enough=True)


def test_live_words_join_the_predictions_of_a_refit_once_a_decision():
    said = [("A", 1, "judged", 0.4), ("A", 2, "v1", 0.2), ("A", 2, "v2", 0.6), ("B", 2, "v1", 0.9)]
    tables = {
        "ensemble.oof": [("A", 0, 1, "svm", 0.5, 1), ("A", 0, 1, "stack", 0.5, 1)],
        "ensemble.holdout": [("A", 1, "svm", 0.7, 0), ("A", 1, "stack", 0.7, 0)],
        "outcomes.resolved": said,
        "labels.direction": [("A", 1, 0), ("A", 2, 1), ("B", 2, None)],
    }
    columns = {
        "ensemble.oof": "symbol, session, block, learner, oof_probability, label",
        "ensemble.holdout": "symbol, session, learner, probability, label",
        "outcomes.resolved": "symbol, session, model_version, probability",
        "labels.direction": "symbol, session, label",
    }
    with duckdb.connect() as connection:
        for name, rows in tables.items():
            frame = pd.DataFrame(rows, columns=columns[name].split(", "))
            frame = frame.assign(session_date=pd.Timestamp("2024-01-01"))
            frame["session_date"] += pd.to_timedelta(frame["session"], unit="D")
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.register("given", frame)
            connection.execute(f"create table {name} as from given")
        found = connection.execute(read_query("memory/resolved")).df()
    rows = found[["symbol", "session", "block", "learner", "oof_probability", "label"]]
    assert rows.to_numpy().tolist() == [
        ["A", 0, 1, "svm", 0.5, 1],
        ["A", 1, 0, "svm", 0.7, 0],
        ["A", 2, -1, "live", pytest.approx(0.4), 1],
    ]
