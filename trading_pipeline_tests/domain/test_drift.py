"""Ordinary movement is not drift; a shift is, and each spell asks for one retrain."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from trading_pipeline.contracts.config import DriftConfig
from trading_pipeline.domain.drift.psi import bin_values, cut_edges, population_stability_index
from trading_pipeline.domain.drift.score import largest_distance, score_drift, window_sums

ROOT = Path(__file__).parents[2]
DEFAULTS = tomllib.loads((ROOT / "trading_pipeline/config/default.toml").read_text())
CONFIG = DriftConfig(**DEFAULTS["drift"])


def panel(seed, n_sessions=900, n_symbols=20, n_features=16):
    """Return a stationary panel: market-wide, idiosyncratic and ranked features, all persistent."""
    random = np.random.default_rng(seed)
    third = n_features // 3

    def persistent(n_series, phi):
        noise = random.normal(size=(n_sessions, n_series, third)) * np.sqrt(1 - phi**2)
        noise[0] = random.normal(size=(n_series, third))
        return lfilter([1], [1, -phi], noise, axis=0)

    market = np.repeat(persistent(1, 0.97), n_symbols, axis=1)
    own = persistent(n_symbols, 0.95)
    ranks = persistent(n_symbols, 0.98).argsort(axis=1).argsort(axis=1) / n_symbols
    values = np.concatenate([market, own, ranks], axis=2)
    features = [f"f{i:02d}" for i in range(values.shape[2])]
    frame = pd.DataFrame(values.reshape(n_sessions * n_symbols, -1), columns=features)
    dates = pd.bdate_range("2015-01-01", periods=n_sessions).astype("datetime64[ns]")
    frame["symbol"] = np.tile([f"S{i:02d}" for i in range(n_symbols)], n_sessions)
    frame["session"] = np.repeat(np.arange(n_sessions), n_symbols)
    frame["session_date"] = np.repeat(dates, n_symbols)
    return frame, features


def parts(frame, at=800):
    """Return (reference, live)."""
    return frame[frame["session"] < at], frame[frame["session"] >= at]


def psi_of(trained, live, n_bins=10):
    """Return the PSI of two samples."""
    trained, live = np.asarray(trained, float), np.asarray(live, float)
    edges = cut_edges(np.sort(trained[~np.isnan(trained)]), n_bins)
    counts = [np.bincount(bin_values(v, edges), minlength=2 * n_bins) for v in (trained, live)]
    return float(population_stability_index(*counts))


def test_equal_samples_have_no_distance_and_a_shift_has_the_published_one():
    values = np.arange(100.0)
    assert psi_of(values, values) == 0
    # By hand, four bins: a quarter in each; live has none, a quarter, a quarter and a half.
    trained, live = np.array([25, 25, 25, 25]), np.array([0, 25, 25, 50])
    expected = (0.005 - 0.25) * np.log(0.005 / 0.25) + (0.5 - 0.25) * np.log(2)
    assert population_stability_index(trained, live) == pytest.approx(expected)


def test_a_rare_flag_that_becomes_common_is_seen():
    assert psi_of(np.r_[np.zeros(990), np.ones(10)], np.r_[np.zeros(50), np.ones(50)]) > 1


def test_data_that_stop_coming_are_drift():
    values = np.random.default_rng(1).normal(size=1000)
    assert psi_of(values, np.where(np.arange(1000) < 400, np.nan, values)) > 0.25


def test_the_distance_is_missing_where_a_side_has_no_row():
    assert np.isnan(population_stability_index(np.zeros(3, int), np.array([1, 2, 3])))


@given(
    values=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    other=st.lists(st.integers(0, 30), min_size=1, max_size=60),
    scale=st.sampled_from([0.5, 2.0, 1024.0]),
)
def test_the_distance_is_never_negative_and_knows_no_unit(values, other, scale):
    measured = psi_of(values, other)
    assert measured >= 0
    assert psi_of(np.array(values) * scale, np.array(other) * scale) == measured


@given(
    values=st.lists(st.integers(0, 20), min_size=1, max_size=40),
    other=st.lists(st.integers(0, 20), min_size=1, max_size=40),
)
def test_the_largest_distance_is_that_of_kolmogorov_and_smirnov(values, other):
    measured = largest_distance(np.sort(np.array(values, float)), np.sort(np.array(other, float)))
    # Both functions are steps, so their distance is reached at one of the 21 values.
    share_up_to = [
        (np.mean(np.array(s)[:, None] <= np.arange(21), axis=0)) for s in (values, other)
    ]
    assert measured == pytest.approx(np.abs(share_up_to[0] - share_up_to[1]).max())


def test_window_sums_are_sums_of_consecutive_rows():
    counts = np.arange(10).reshape(5, 2)
    assert window_sums(counts, 3).tolist() == [[6, 9], [12, 15], [18, 21]]
    assert window_sums(counts, 6).shape == (0, 2)


def test_stationary_panels_seldom_fire():
    n_fired = n_assessed = 0
    for seed in range(12):
        frame, features = panel(seed)
        _, sessions = score_drift(*parts(frame), features, CONFIG, "1")
        n_fired += (sessions["n_running"] >= CONFIG.confirm_sessions).sum()
        n_assessed += sessions["share_drifted"].notna().sum()
    assert n_fired / n_assessed <= 0.02


@pytest.mark.parametrize("seed", range(3))
def test_a_planted_shift_fires_within_a_window(seed):
    frame, features = panel(seed)
    shifted = frame["session"] >= 850
    frame.loc[shifted, features[5:]] += 1.5
    by_feature, sessions = score_drift(*parts(frame), features, CONFIG, "1")
    fired = sessions.loc[sessions["n_running"] >= CONFIG.confirm_sessions, "session"]
    assert 850 < fired.min() <= 850 + CONFIG.window_sessions
    told = by_feature.set_index("feature")
    assert told.loc[features[5:], "is_drifted"].all()
    assert told.loc[features[5:], "status"].eq("drifted").all()


def test_movement_that_the_training_span_knows_is_watched_not_drift():
    frame, features = panel(4)
    by_feature, _ = score_drift(*parts(frame), features, CONFIG, "1")
    ordinary = by_feature[by_feature["psi"].between(0.25, by_feature["threshold"])]
    assert len(ordinary)
    assert ordinary["status"].eq("watch").all()
    assert by_feature.loc[by_feature["psi"] < CONFIG.psi_watch, "status"].eq("stable").all()


def test_a_window_that_is_not_full_is_not_assessable_but_ages():
    frame, features = panel(1, n_sessions=815)
    by_feature, sessions = score_drift(*parts(frame), features, CONFIG, "1")
    assert sessions["share_drifted"].isna().all()
    assert not sessions["is_beyond"].any()
    assert sessions["age_sessions"].tolist() == list(range(1, 16))
    assert by_feature[["psi", "ks"]].isna().all().all()
    assert not by_feature["is_drifted"].any()
    assert by_feature["status"].eq("not_assessable").all()


def test_age_counts_sessions_after_the_last_training():
    frame, features = panel(1, n_sessions=825)
    _, sessions = score_drift(*parts(frame), features, CONFIG, "1", trained_session=822)
    assert sessions["age_sessions"].tolist() == [0] * 23 + [1, 2]
    assert sessions["share_drifted"].notna().sum() == 6


def test_too_short_a_reference_gives_no_threshold_and_fires_nothing():
    frame, features = panel(1, n_sessions=80)
    by_feature, sessions = score_drift(*parts(frame, at=39), features, CONFIG, "1")
    assert sessions[["share_drifted", "share_threshold"]].isna().all().all()
    assert not sessions["is_beyond"].any()
    assert by_feature["psi"].notna().all()
    assert by_feature["threshold"].isna().all()


def test_without_a_live_session_both_tables_are_empty():
    frame, features = panel(1, n_sessions=100)
    by_feature, sessions = score_drift(*parts(frame), features, CONFIG, "1")
    assert by_feature.empty
    assert sessions.empty


def test_nothing_to_compare_with_is_refused():
    frame, features = panel(1, n_sessions=60)
    with pytest.raises(ValueError, match="needs features"):
        score_drift(frame.iloc[:0], frame, features, CONFIG, "1")
    with pytest.raises(ValueError, match="needs features"):
        score_drift(frame, frame, [], CONFIG, "1")


def test_a_feature_that_is_always_missing_does_not_drift_and_one_that_vanishes_does():
    frame, features = panel(3)
    frame["never"] = np.nan
    frame["gone"] = np.where(frame["session"] < 800, frame[features[0]], np.nan)
    names = [*features, "never", "gone"]
    by_feature, _ = score_drift(*parts(frame), names, CONFIG, "1")
    told = by_feature.set_index("feature")
    assert told.loc["never", "psi"] == 0
    assert told.loc["gone", "is_drifted"]
    assert told.loc["gone", ["n_reference", "n_live"]].tolist() == [16000, 0]


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_no_bit(seed):
    frame, features = panel(seed, n_sessions=300)
    again = frame.sample(frac=1, random_state=seed)
    for one, other in zip(
        score_drift(*parts(frame, at=250), features, CONFIG, "1"),
        score_drift(*parts(again, at=250), features, CONFIG, "1"),
        strict=True,
    ):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_a_later_session_changes_no_earlier_share():
    frame, features = panel(5)
    reference, live = parts(frame)
    _, full = score_drift(reference, live, features, CONFIG, "1")
    _, cut = score_drift(reference, live[live["session"] < 860], features, CONFIG, "1")
    pd.testing.assert_frame_equal(full.iloc[:60], cut)
