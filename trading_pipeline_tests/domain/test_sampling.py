"""The training set stands in the target mix to the row, and every departure from it is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.config import SamplingConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.memory.sampling import (
    balanced_sample,
    effective_size,
    largest_remainder,
    regime_weights,
)
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(SamplingConfig, "sampling", balance=True, use_archive=True, use_weights=True)


def regimes_of(**counts):
    """Return a regime per row, grouped by regime."""
    return np.repeat(np.array(list(counts), dtype=object), list(counts.values()))


FIXTURE = regimes_of(
    low_volatility=125, normal=625, high_volatility=188, crash=25, recovery=37
)  # 12.5/62.5/18.8/2.5/3.7 % of 1,000 rows


def counted(regime, rows):
    return {name: int((regime[rows] == name).sum()) for name in REGIMES if name in set(regime)}


def test_a_thousand_rows_meet_the_target_mix_to_the_row():
    sample = balanced_sample(FIXTURE, CONFIG, 1000, seed=7)
    assert sample.counts == counted(FIXTURE, sample.rows)
    assert sample.counts == {
        "crash": 100,
        "recovery": 100,
        "high_volatility": 200,
        "normal": 400,
        "low_volatility": 200,
    }
    assert sample.shortfall == {}
    assert sample.notes == ()


def test_on_the_target_mix_the_weights_have_the_stated_shares():
    rows = balanced_sample(FIXTURE, CONFIG, 1000, seed=7).rows
    weights = regime_weights(FIXTURE[rows], np.ones(1000), CONFIG)
    shares = {name: weights[FIXTURE[rows] == name].sum() / weights.sum() for name in REGIMES}
    assert [round(100 * share, 1) for share in shares.values()] == [17.1, 12.8, 22.2, 34.2, 13.7]
    # 1,170 is what the weights sum to; Kish's effective size can never exceed the rows.
    assert weights.sum() == pytest.approx(1170)
    assert effective_size(weights) == pytest.approx(1170**2 / 1491)


def test_weights_are_the_regimes_times_the_uniqueness_where_that_is_set():
    regime = np.array(["crash", "unknown", "low_volatility"], dtype=object)
    uniqueness = np.array([0.5, 0.25, 1.0])
    assert regime_weights(regime, uniqueness, CONFIG).tolist() == [1.0, 0.25, 0.8]
    off = CONFIG.model_copy(update={"use_uniqueness": False})
    assert regime_weights(regime, uniqueness, off).tolist() == [2.0, 1.0, 0.8]
    same = CONFIG.model_copy(update={"use_weights": False})
    assert regime_weights(regime, uniqueness, same).tolist() == [0.5, 0.25, 1.0]
    with pytest.raises(ValueError, match="closed labels"):
        regime_weights(regime, np.array([0.5, np.nan, 1.0]), CONFIG)


def test_an_absent_regime_gives_its_share_to_the_others_and_says_so():
    regime = regimes_of(low_volatility=300, normal=600, high_volatility=300)
    sample = balanced_sample(regime, CONFIG, 1000, seed=1)
    assert sample.counts == {"high_volatility": 250, "normal": 500, "low_volatility": 250}
    assert sorted(note.split()[0] for note in sample.notes) == ["crash", "recovery"]


def test_a_row_repeats_at_most_five_times_and_the_shortfall_is_reported():
    regime = regimes_of(low_volatility=300, normal=600, high_volatility=300, crash=7, recovery=100)
    sample = balanced_sample(regime, CONFIG, 1000, seed=1)
    crash = sample.rows[regime[sample.rows] == "crash"]
    assert np.unique(crash, return_counts=True)[1].tolist() == [5] * 7
    assert sample.counts["crash"] == 35
    assert sample.shortfall == {"crash": 65}
    assert "65 rows short of 100" in sample.notes[0]


def test_archive_draws_follow_the_event_weights_renormalised():
    regime = regimes_of(
        normal=400, low_volatility=200, high_volatility=200, recovery=100, crash=300
    )
    events = np.full(1200, None, dtype=object)
    events[900:1000] = "financial_crisis_2008"
    events[1000:1100] = "covid_crash_2020"
    weights = {"financial_crisis_2008": 0.2, "covid_crash_2020": 0.1, "volmageddon_2018": 0.2}
    sample = balanced_sample(regime, CONFIG, 900, 3, events, weights)
    crash = events[sample.rows[regime[sample.rows] == "crash"]]
    # 90 crash rows: two thirds from the archive as its rows stand, split 2 : 1.
    assert (crash == "financial_crisis_2008").sum() == 40
    assert (crash == "covid_crash_2020").sum() == 20
    assert np.equal(crash, None).sum() == 30
    with pytest.raises(ValueError, match="without a weight"):
        balanced_sample(regime, CONFIG, 900, 3, events, {"covid_crash_2020": 0.1})


def test_an_event_with_too_few_rows_gives_its_draws_to_the_others():
    regime = regimes_of(crash=40)
    events = np.array(["small"] * 2 + ["large"] * 38, dtype=object)
    sample = balanced_sample(regime, CONFIG, 100, 3, events, {"small": 0.9, "large": 0.1})
    drawn = events[sample.rows]
    assert (drawn == "small").sum() == 10
    assert (drawn == "large").sum() == 90


def test_rows_of_no_regime_of_the_mix_are_left_out_and_counted():
    sample = balanced_sample(regimes_of(normal=10, unknown=5), CONFIG, 10, seed=1)
    assert sample.rows.tolist() == list(range(10))
    assert any("5 rows of no regime" in note for note in sample.notes)
    with pytest.raises(ValueError, match="give rows of"):
        balanced_sample(regimes_of(unknown=5), CONFIG, 10, seed=1)


@given(
    counts=st.lists(st.integers(0, 60), min_size=5, max_size=5).filter(any),
    n_target=st.integers(1, 400),
    seed=st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_counts_are_the_target_or_the_cap_and_repeats_differ_by_one_at_most(counts, n_target, seed):
    regime = np.repeat(np.array(REGIMES, dtype=object), counts)
    sample = balanced_sample(regime, CONFIG, n_target, seed)
    again = balanced_sample(regime, CONFIG, n_target, seed)
    assert sample.rows.tolist() == again.rows.tolist()
    assert sum(sample.counts.values()) + sum(sample.shortfall.values()) == n_target
    present = [name for name, count in zip(REGIMES, counts, strict=True) if count]
    wanted = largest_remainder([CONFIG.mix[name] for name in present], n_target)
    for name, target in zip(present, wanted, strict=True):
        rows = np.flatnonzero(regime == name)
        repeats = np.bincount(sample.rows, minlength=len(regime))[rows]
        assert repeats.sum() == min(target, len(rows) * CONFIG.max_repeats)
        assert repeats.max() <= CONFIG.max_repeats
        assert repeats.max() - repeats.min() <= 1


@given(shares=st.lists(st.floats(0.01, 1), min_size=1, max_size=6), total=st.integers(0, 5000))
def test_largest_remainder_sums_to_the_total_and_stays_within_one_of_the_share(shares, total):
    parts = largest_remainder(shares, total)
    assert parts.sum() == total
    assert np.abs(parts - np.array(shares) / sum(shares) * total).max() < 1 + 1e-6


@given(
    counts=st.lists(st.integers(0, 400), min_size=5, max_size=5).filter(any),
    n_target=st.integers(1, 1000),
    seed=st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_absent_regimes_give_their_share_in_proportion_and_the_rest_stands_to_the_row(
    counts, n_target, seed
):
    regime = np.repeat(np.array(REGIMES, dtype=object), counts)
    sample = balanced_sample(regime, CONFIG, n_target, seed)
    present = {name: n for name, n in zip(REGIMES, counts, strict=True) if n}
    share = {name: CONFIG.mix[name] / sum(CONFIG.mix[n] for n in present) for name in present}
    assert set(sample.counts) == set(present)
    for name, n_rows in present.items():
        wanted = sample.counts[name] + sample.shortfall.get(name, 0)
        assert abs(wanted - share[name] * n_target) < 1 + 1e-6
        # A shortfall is one of rows, never of the draw.
        assert name not in sample.shortfall or sample.counts[name] == CONFIG.max_repeats * n_rows
    said = " ".join(sample.notes)
    for name in set(REGIMES) - set(present):
        assert f"{name} has no row; its share went to the others" in said


@given(
    n_event=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    n_window=st.integers(0, 60),
    n_target=st.integers(1, 400),
)
@settings(max_examples=80, deadline=None)
def test_no_row_of_an_event_repeats_more_than_five_times(n_event, n_window, n_target):
    names = [f"event_{number}" for number in range(len(n_event))]
    events = np.array(
        [name for name, n in zip(names, n_event, strict=True) for _ in range(n)]
        + [None] * n_window,
        dtype=object,
    )
    regime = np.full(events.size, "crash", dtype=object)
    weights = {name: 0.1 * (1 + place) for place, name in enumerate(names)}
    sample = balanced_sample(regime, CONFIG, n_target, 3, events, weights)
    assert np.bincount(sample.rows).max() <= CONFIG.max_repeats
    assert sample.rows.size == min(n_target, CONFIG.max_repeats * events.size)


@given(n_target=st.integers(1, 1200), n_first=st.integers(0, 300), seed=st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_rows_that_go_first_are_drawn_before_others_and_the_counts_stay(n_target, n_first, seed):
    is_first = np.zeros(FIXTURE.size, dtype=bool)
    is_first[np.random.default_rng(seed).permutation(FIXTURE.size)[:n_first]] = True
    plain = balanced_sample(FIXTURE, CONFIG, n_target, seed)
    sample = balanced_sample(FIXTURE, CONFIG, n_target, seed, is_first=is_first)
    assert sample.counts == plain.counts
    n_draws = np.bincount(sample.rows, minlength=FIXTURE.size)
    for name in set(FIXTURE):
        ahead, behind = (n_draws[(name == FIXTURE) & side] for side in (is_first, ~is_first))
        if ahead.size and ahead.min() == 0:
            assert not behind.any()
