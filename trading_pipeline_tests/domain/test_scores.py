"""An interval that is too narrow flatters: scores and intervals are tested against known truths."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.domain.ensemble.baselines import volatility_only
from trading_pipeline.domain.ensemble.metrics import (
    accuracy,
    auc,
    brier,
    expected_calibration_error,
    logistic_line,
    session_rank_ic,
    sigmoid,
)
from trading_pipeline.domain.ensemble.scores import (
    SessionBootstrap,
    auc_interval,
    paired_difference,
    score_holdout,
)

HORIZON = 20
GATE = GateConfig(
    min_auc=0.6, min_auc_low=0.5, min_sharpe_net=0.0, champion_margin=-0.005,
    volatility_margin=0.0, min_regime_auc=0.5, min_horizons=10, max_ece=0.03, slope_low=0.8,
    slope_high=1.2, max_latency_ms=50.0, max_model_mb=200.0, bootstrap_samples=200,
    interval_sd=2.57, auto_promote=False, shadow_sessions=5, seed=7,
)  # fmt: skip
labelled = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40)


def market(n_sessions=300, n_symbols=20, seed=0, skill=0.0):
    """Overlapping 20-session excess labels and slowly moving scores, with a share of skill."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n_sessions + HORIZON, n_symbols)).cumsum(axis=0)
    forward = steps[HORIZON:] - steps[:-HORIZON]
    excess = forward - np.median(forward, axis=1, keepdims=True)
    score = np.zeros((n_sessions, n_symbols))
    shocks = rng.normal(size=score.shape)
    for t in range(1, n_sessions):
        score[t] = 0.97 * score[t - 1] + 0.24 * shocks[t]
    score = score + skill * excess / excess.std()
    session, symbol = np.divmod(np.arange(score.size), n_symbols)
    return pd.DataFrame(
        {
            "symbol": [f"S{i:03d}" for i in symbol],
            "session_date": pd.Timestamp("2020-01-01") + pd.to_timedelta(session, unit="D"),
            "session": session,
            "learner": "stack",
            "probability": sigmoid(score.ravel()),
            "label": (excess.ravel() > 0).astype(int),
            "excess_return_frac": excess.ravel(),
            "regime": np.where(session < n_sessions // 10, "crash", "normal"),
        }
    )


@given(rows=labelled)
def test_auc_is_the_share_of_pairs_in_order_with_ties_half(rows):
    p, y = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    ups, downs = p[y], p[~y]
    if not len(ups) or not len(downs):
        assert np.isnan(auc(p, y))
        return
    gap = ups[:, None] - downs[None, :]
    assert np.isclose(auc(p, y), ((gap > 0) + 0.5 * (gap == 0)).mean())


@given(rows=labelled)
def test_calibration_error_ignores_the_order_of_rows(rows):
    p, y = np.array([r[0] / 5 for r in rows]), np.array([r[1] for r in rows])
    there, back = (expected_calibration_error(a, b) for a, b in ((p, y), (p[::-1], y[::-1])))
    assert np.isclose(there, back, atol=1e-12)


def test_calibrated_rows_have_slope_one_and_no_calibration_error():
    rng = np.random.default_rng(0)
    p = sigmoid(rng.normal(size=40_000))
    y = rng.random(p.size) < p
    intercept, slope = logistic_line(np.log(p / (1 - p)), y)
    assert abs(slope - 1) < 0.05
    assert abs(intercept) < 0.05
    assert expected_calibration_error(p, y) < 0.01


def test_overconfident_rows_have_a_slope_below_one():
    rng = np.random.default_rng(0)
    z = rng.normal(size=20_000)
    y = rng.random(z.size) < sigmoid(z)
    assert abs(logistic_line(2 * z, y)[1] - 0.5) < 0.03


def test_separable_rows_give_a_finite_steep_slope():
    z = np.linspace(-1, 1, 50)
    assert 10 < logistic_line(z, z > 0)[1] < np.inf


def test_scores_of_nothing_are_missing_not_numbers():
    none = np.empty(0)
    assert all(np.isnan(f(none, none)) for f in (auc, accuracy, brier, expected_calibration_error))
    assert np.isnan(logistic_line(np.ones(5), np.array([0, 1, 0, 1, 1]))[1])


def test_rank_ic_is_spearman_within_each_session():
    rows = market(n_sessions=5, skill=0.5)
    sessions, ic = session_rank_ic(rows["probability"], rows["excess_return_frac"], rows["session"])
    expected = [
        g["probability"].corr(g["excess_return_frac"], method="spearman")
        for _, g in rows.groupby("session")
    ]
    assert sessions.tolist() == [0, 1, 2, 3, 4]
    assert np.allclose(ic, expected)


def test_resampled_auc_equals_the_auc_of_the_rows_drawn():
    rows = market(n_sessions=90, n_symbols=8, skill=0.3)
    bootstrap = SessionBootstrap.build(
        rows["session"], HORIZON, n_samples=5, interval_sd=2.57, seed=1
    )
    p, y, session = (rows[c].to_numpy() for c in ("probability", "label", "session"))
    samples = bootstrap.auc_samples(p, y, session)
    for drawn, sample in zip(bootstrap.draws, samples, strict=True):
        again = np.repeat(np.arange(len(rows)), drawn[session].astype(int))
        assert drawn.sum() == 90
        assert abs(auc(p[again], y[again]) - sample) < 1e-3


def test_the_interval_of_a_market_without_skill_covers_one_half():
    covered = 0
    for seed in range(60):
        rows = market(seed=seed)
        bootstrap = SessionBootstrap.build(
            rows["session"], HORIZON, n_samples=200, interval_sd=2.57, seed=7
        )
        interval = auc_interval(rows["probability"], rows["label"], rows["session"], bootstrap)
        covered += interval.low <= 0.5 <= interval.high
    assert covered >= 54


def test_too_few_sessions_have_no_interval():
    row = score_holdout(market(n_sessions=70), HORIZON, GATE).query("regime == 'all'").iloc[0]
    assert np.isfinite(row["auc"])
    assert np.isnan(row["auc_low"])
    assert not row["is_assessable"]


def test_scores_do_not_depend_on_the_order_of_rows():
    rows = market(skill=0.2)
    shuffled = rows.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        score_holdout(rows, HORIZON, GATE), score_holdout(shuffled, HORIZON, GATE)
    )


def test_a_regime_with_few_horizons_is_marked_not_assessable():
    scores = score_holdout(market(), HORIZON, GATE).set_index("regime")
    assert scores.loc["all", "is_assessable"]
    assert not scores.loc["crash", "is_assessable"]
    assert scores.loc["crash", "n_horizons"] == 1.5
    assert scores.loc["crash", "n_rows"] + scores.loc["normal", "n_rows"] == 6_000


def test_skill_moves_the_whole_interval_above_one_half():
    row = score_holdout(market(skill=0.5), HORIZON, GATE).iloc[0]
    assert row["auc_low"] > 0.5
    assert row["rank_ic_low"] > 0


def test_a_learner_does_not_differ_from_itself_and_a_better_one_does():
    base = market(skill=0.1)
    rows = pd.concat(
        [base.assign(learner="old"), base.assign(learner="same"),
         market(skill=0.8).assign(learner="new")]
    )  # fmt: skip
    same = paired_difference(rows, "same", "old", HORIZON, GATE)
    assert (same.interval.value, same.interval.low, same.interval.high) == (0, 0, 0)
    better = paired_difference(rows, "new", "old", HORIZON, GATE)
    assert better.interval.low > 0
    assert (better.n_rows, better.n_sessions) == (6_000, 300)


def test_the_volatility_baseline_reads_volatility_and_nothing_else():
    rng = np.random.default_rng(0)
    train = pd.DataFrame({"vol": rng.gamma(2, size=4_000), "other": rng.normal(size=4_000)})
    label = rng.random(4_000) < sigmoid(1.0 - 0.5 * train["vol"])
    p = volatility_only(train, label, train, features=["vol"])
    assert auc(p, label) > 0.6
    assert np.array_equal(p, volatility_only(train, label, train.assign(other=0), features=["vol"]))


def test_constant_or_missing_volatility_gives_the_base_rate():
    frame = pd.DataFrame({"vol": [np.nan, 1.0, 1.0, 1.0]})
    p = volatility_only(frame, [1, 0, 0, 0], frame, features=["vol"])
    assert np.allclose(p, 0.25)


def test_the_volatility_baseline_without_a_column_is_refused():
    with pytest.raises(ValueError, match="volatility column"):
        volatility_only(pd.DataFrame(), [], pd.DataFrame(), features=[])
