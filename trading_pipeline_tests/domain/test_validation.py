"""A validation set says something only where no fit behind it has seen its labels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.ensemble.metrics import logit, sigmoid
from trading_pipeline.domain.ensemble.validation import (
    SOURCE_OF_SET,
    HeldOutEvent,
    held_out_events,
    score_validation,
    stacked_event,
    window_predictions,
    without_event,
)
from trading_pipeline.domain.splits.training import TrainingRows
from trading_pipeline_tests.domain.settings_of import shipped

HORIZON = 5
LEARNERS = ("catboost", "lightgbm")
GATE = shipped(GateConfig, "gate", bootstrap_samples=100)
SCORES = ("auc", "rank_ic", "accuracy", "ece", "calibration_slope")


def panel(n_sessions=400, n_symbols=6):
    """Labelled rows by symbol and session; sessions are numbered from 100."""
    symbol, session = np.divmod(np.arange(n_sessions * n_symbols), n_sessions)
    session = session + 100
    return pd.DataFrame(
        {
            "symbol": [f"S{i}" for i in symbol],
            "session": session,
            "start_session": session + 1,
            "end_session": session + HORIZON,
            "regime": np.where(session < 300, "normal", "low_volatility"),
        }
    )


def archive(**spans):
    """Rows of memory.archive of every symbol: event=(regime, first, last)."""
    rows = panel()
    parts = [
        rows[rows["session"].between(first, last)].assign(event=event, event_regime=regime)
        for event, (regime, first, last) in spans.items()
    ]
    return pd.concat(parts)[["event", "event_regime", "symbol", "session"]]


def events_of(before_session=480, **spans):
    opens = {2: 180, 3: 260, 4: 340}
    return held_out_events(panel(), archive(**spans), opens, before_session)


def test_crashes_and_recoveries_are_left_out_one_by_one_and_other_events_are_not():
    held = events_of(b=("recovery", 270, 290), a=("crash", 200, 220), c=("high_volatility", 1, 150))
    assert [(one.event, one.regime, one.block) for one in held] == [
        ("a", "crash", 2), ("b", "recovery", 3),
    ]  # fmt: skip
    assert (held[0].opens, held[0].closes) == (201, 220 + HORIZON)
    assert len(held[0].rows) == 21 * 6


def test_an_event_before_the_first_search_has_no_block():
    assert events_of(a=("crash", 170, 200))[0].block is None


def test_an_event_that_reaches_into_the_holdout_is_not_scored_nor_a_label_that_does():
    assert events_of(before_session=220, a=("crash", 200, 220)) == []
    (held,) = events_of(before_session=221, a=("crash", 200, 220))
    assert panel().iloc[held.rows]["session"].max() == 221 - HORIZON - 1
    assert held.closes == 220


@given(st.integers(110, 400), st.integers(1, 40), st.integers(0, 30))
def test_no_training_label_touches_the_event_or_its_quiet_period(first, length, embargo):
    rows = panel()
    (held,) = events_of(before_session=1_000, a=("crash", first, first + length - 1))
    everyone = TrainingRows(np.arange(len(rows)), np.full(len(rows), None, dtype=object))
    kept = rows.iloc[without_event(everyone, rows, held, embargo).rows]
    before = kept["end_session"] < held.opens
    assert (before | (kept["start_session"] > held.closes + embargo)).all()
    assert not kept["session"].between(first, first + length - 1).any()
    clean = (rows["end_session"] <= first) & (rows["session"] < first)
    later = rows["start_session"] > first + length - 1 + HORIZON + embargo
    assert len(kept) == int((clean | later).sum())


def wide_oof(seed=0):
    rows = panel().query("session >= 180").reset_index(drop=True)
    rng = np.random.default_rng(seed)
    rows["label"] = rng.integers(0, 2, len(rows))
    for name in LEARNERS:
        rows[name] = sigmoid(rng.normal(size=len(rows)) * 0.3 + rows["label"] * 0.5)
    return rows.assign(block=2 + (rows["session"] >= 260) + (rows["session"] >= 340))


def of_event(n=30, seed=5):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(rng.uniform(0.3, 0.7, size=(n, 2)), columns=list(LEARNERS))


def second_level(oof, held, base):
    regime = np.full(len(base), "crash", dtype=object)
    return stacked_event(base, regime, oof, held, kind="logistic", seed=7)


def test_labels_of_the_event_or_after_it_change_nothing_that_predicts_it():
    held = HeldOutEvent("a", "crash", np.arange(3), opens=301, closes=320, block=3)
    oof, base = wide_oof(), of_event()
    before, is_fitted = second_level(oof, held, base)
    assert is_fitted
    seen = (oof["block"] < 3) & (oof["end_session"] < 301)
    flipped = oof.assign(label=oof["label"].where(seen, 1 - oof["label"]))
    for name in LEARNERS:
        flipped[name] = flipped[name].where(seen, 0.01)
    assert np.array_equal(second_level(flipped, held, base)[0], before)
    earlier = oof.assign(label=oof["label"].where(~seen, 1 - oof["label"]))
    assert not np.array_equal(second_level(earlier, held, base)[0], before)


def test_without_earlier_blocks_the_second_level_is_the_mean_of_the_learners():
    held = HeldOutEvent("a", "crash", np.arange(3), opens=201, closes=220, block=2)
    base = of_event()
    stacked, is_fitted = second_level(wide_oof(), held, base)
    assert not is_fitted
    np.testing.assert_allclose(stacked, sigmoid(logit(base.to_numpy()).mean(axis=1)))


def predictions(n_sessions=300, n_symbols=10, skill=0.6, seed=0):
    """Three window sets of 100 sessions each, a crash of two events and no recovery."""
    rng = np.random.default_rng(seed)
    session, symbol = np.divmod(np.arange(n_sessions * n_symbols), n_symbols)
    excess = rng.normal(size=session.size)
    frame = pd.DataFrame(
        {
            "symbol": [f"S{i}" for i in symbol],
            "session": session,
            "label": (excess > 0).astype(int),
            "excess_return_frac": excess,
            "regime": np.array(REGIMES)[2 + session // 100],
            "event": "",
        }
    )
    crash = frame[frame["session"] < 40].assign(regime="crash")
    crash["event"] = np.where(crash["session"] < 25, "zeta_2008", "alpha_2020")
    rows = pd.concat([frame, crash], ignore_index=True)
    parts = []
    for learner in ("stack", "lightgbm"):
        score = skill * rows["excess_return_frac"] + rng.normal(size=len(rows))
        parts.append(rows.assign(learner=learner, probability=sigmoid(score)))
    return pd.concat(parts, ignore_index=True)


def scored(frame=None, learners=("stack", "lightgbm"), config=GATE):
    frame = predictions() if frame is None else frame
    return score_validation(frame, learners, HORIZON, config)


def test_every_learner_has_the_five_sets_even_where_one_is_empty():
    table = scored()
    for _, part in table.groupby("learner"):
        assert dict(zip(part["regime"], part["source"], strict=True)) == SOURCE_OF_SET
    empty = table[table["regime"] == "recovery"]
    assert (empty["n_rows"] == 0).all()
    assert not empty["is_assessable"].any()
    assert empty[list(SCORES)].isna().all(axis=None)
    nothing = scored(predictions().iloc[:0])
    assert len(nothing) == 10
    assert not nothing["is_assessable"].any()


def test_sets_under_ten_horizons_are_not_assessable():
    table = scored().query("learner == 'stack'").set_index("regime")
    assert table.loc["normal", "n_horizons"] == 20
    assert table.loc["normal", "is_assessable"]
    assert table.loc["crash", "n_horizons"] == 8
    assert not table.loc["crash", "is_assessable"]
    assert table.loc["crash", "events"] == "zeta_2008, alpha_2020"
    assert table.loc["normal", "events"] == ""


@pytest.mark.parametrize("name", SCORES)
def test_every_score_of_an_assessable_set_lies_inside_its_interval(name):
    table = scored().query("is_assessable")
    assert len(table) == 6
    assert (table[f"{name}_low"] < table[name]).all()
    assert (table[name] < table[f"{name}_high"]).all()


def test_an_interval_is_as_wide_as_fresh_samples_scatter():
    names = ("accuracy", "ece", "calibration_slope")
    drawn = []
    for seed in range(16):
        table = scored(predictions(seed=seed), ("stack",)).set_index("regime")
        drawn.append(table.loc["normal"])
    for name in names:
        values = np.array([row[name] for row in drawn], dtype=float)
        half = np.mean([(row[f"{name}_high"] - row[name]) for row in drawn])
        assert 0.5 < half / GATE.interval_sd / values.std(ddof=1) < 2.0, name


def test_the_order_of_the_rows_changes_no_bit():
    mixed = predictions().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(scored(mixed), scored(), check_exact=True)


def test_the_window_validates_its_own_regimes_alone():
    rows = panel().assign(excess_return_frac=0.1)
    rows.loc[rows["session"] > 450, "regime"] = "crash"
    oof = rows[["symbol", "session"]].assign(
        session_date=pd.Timestamp("2020-01-01"), block=2, learner="stack", oof_probability=0.6,
        label=1,
    )  # fmt: skip
    window = window_predictions(oof, rows, first_session=290)
    assert window["session"].min() == 290
    assert window["session"].max() == 450
    assert set(window["regime"]) == {"normal", "low_volatility"}
    assert (window["probability"] == 0.6).all()
