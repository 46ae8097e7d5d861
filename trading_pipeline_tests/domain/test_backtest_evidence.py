"""Evidence must be worth what it says: luck looks like luck, skill like skill."""

import json

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import BacktestConfig, GateConfig
from trading_pipeline.domain.backtest.evidence import build_evidence, trial_sharpe_variance
from trading_pipeline.domain.backtest.overfitting import (
    TrialReturns,
    effective_trials,
    groups_for,
    jackknife_sd,
    overfit_probability,
    sharpe_variance,
    trial_returns_of,
)
from trading_pipeline.domain.backtest.sharpe import (
    annual_sharpe,
    deflated_sharpe,
    expected_best_sharpe,
    min_track_record,
    probabilistic_sharpe,
)
from trading_pipeline.domain.backtest.superior_ability import stationary_rows, superior_ability
from trading_pipeline.domain.backtest.tear_sheet import Capacity
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.sweeps.trial_book import Outcomes, trial_returns
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(BacktestConfig, "backtest")
GATE = shipped(GateConfig, "gate", bootstrap_samples=100)
HORIZON = 20


def noise(n_periods=60, n_trials=20, seed=0):
    return np.random.default_rng(seed).normal(0, 0.01, (n_periods, n_trials))


def trials_of(values, block=0):
    """Return sweeps.trials whose complete trials have these return series."""
    periods = [str(HORIZON * (300 + i)) for i in range(len(values))]
    rows = [
        {
            "learner": "lightgbm",
            "block": block,
            "trial": i,
            "state": "complete",
            "returns_json": json.dumps(dict(zip(periods, column, strict=True))),
        }
        for i, column in enumerate(values.T.tolist())
    ]
    rows.append(rows[0] | {"trial": 99, "state": "pruned", "returns_json": "{}"})
    return pd.DataFrame(rows)


def test_the_cheap_book_buys_high_ranks_and_sells_low_ones_by_hand():
    session = np.array([0, 0, 0, 1, 1, 1, 25])
    outcomes = Outcomes(session, np.array([0.3, 0.0, -0.1, 0.2, 0.2, 0.5, 0.9]), HORIZON)
    scores = np.array([0.9, 0.5, 0.1, 0.4, 0.4, 0.4, 0.7])
    # First session 0.5 x 0.3 + 0.5 x 0.1; equal scores hold nothing; one name is no cohort.
    assert trial_returns(scores, outcomes, np.arange(7)) == {"0": pytest.approx(0.1)}
    assert trial_returns(1 - scores, outcomes, np.arange(7)) == {"0": pytest.approx(-0.1)}


def test_the_cheap_book_does_not_depend_on_the_order_of_rows():
    random = np.random.default_rng(1)
    outcomes = Outcomes(random.integers(0, 90, 400), random.normal(size=400), HORIZON)
    scores, rows = random.random(400), np.arange(400)
    order = random.permutation(400)
    straight = trial_returns(scores, outcomes, rows)
    mixed = trial_returns(scores[order], outcomes, rows[order])
    assert list(straight) == list(mixed)
    assert list(straight.values()) == pytest.approx(list(mixed.values()), abs=1e-15)


def test_series_of_trials_come_back_by_block_and_pruned_ones_are_left_out():
    values = noise(12, 3)
    trials = pd.concat([trials_of(values), trials_of(values[:, :1], block=2)])
    (only,) = trial_returns_of(trials)
    assert only.block == 0
    np.testing.assert_array_equal(only.values, values)
    assert only.periods.tolist() == [HORIZON * (300 + i) for i in range(12)]


def test_trials_without_a_series_give_no_block():
    assert trial_returns_of(trials_of(noise(5, 3)).assign(returns_json=None)) == []


def test_trials_without_skill_spread_as_the_estimator_does():
    blocks = [TrialReturns(0, np.arange(60.0), noise(60, 400))]
    assert sharpe_variance(blocks, 10) == pytest.approx(1 / 59, rel=0.15)
    assert np.isnan(sharpe_variance(blocks, 61))
    assert trial_sharpe_variance(blocks, HORIZON, 10) == sharpe_variance(blocks, 10) / HORIZON


def test_a_good_year_of_a_block_is_no_spread_between_trials():
    one = TrialReturns(0, np.arange(60.0), noise(60, 10))
    other = TrialReturns(2, np.arange(60.0), noise(60, 10) + 0.002)
    alone = sharpe_variance([one], 10)
    # Moving all of a block's trials together moves their ratios by nearly the same.
    assert sharpe_variance([one, other], 10) == pytest.approx(alone, rel=0.3)


def test_alike_trials_deflate_less_and_unlike_ones_more():
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    at = [deflated_sharpe(returns, 50, variance) for variance in (0.0, 1e-4, 1e-3)]
    assert at[0] == probabilistic_sharpe(returns)
    assert at[0] > at[1] > at[2]
    assert expected_best_sharpe(50, 500, 1 / 499) == pytest.approx(expected_best_sharpe(50, 500))


def test_equal_trials_are_worth_one_and_unrelated_ones_their_number():
    same = np.repeat(noise(60, 1), 8, axis=1)
    assert effective_trials(same, 8) == pytest.approx(1)
    assert effective_trials(noise(5_000, 8), 8) == pytest.approx(8, abs=0.3)
    assert np.isnan(effective_trials(np.zeros((10, 3)), 3))


def test_the_overfit_probability_is_a_half_for_luck_and_nothing_for_skill():
    found = [overfit_probability(noise(48, 15, seed)) for seed in range(60)]
    assert np.mean(found) == pytest.approx(0.5, abs=0.06)
    skilled = noise(48, 15)
    skilled[:, 4] += 0.02
    assert overfit_probability(skilled) == 0


def test_a_trial_that_wins_where_others_lose_later_is_overfit():
    # Each trial is good in one stretch only: whatever wins in one half is worst in the other.
    values = np.kron(np.eye(4), np.ones((4, 1))) + 1e-6 * noise(16, 4)
    assert overfit_probability(values, 4) == 1


def test_equal_trials_are_neither_overfit_nor_skilled():
    assert overfit_probability(np.repeat(noise(24, 1), 5, axis=1)) == 0.5


def test_time_is_cut_in_an_even_number_of_groups_or_not_at_all():
    assert [groups_for(n) for n in (15, 16, 31, 32, 48, 500)] == [0, 4, 6, 8, 12, 12]


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.random.default_rng(2).normal(0, 1, 600)
    spread = jackknife_sd(values, lambda kept: float(kept.mean()), 600)
    assert spread == pytest.approx(values.std(ddof=1) / np.sqrt(600))


def test_the_least_track_record_makes_the_sharpe_just_certain_enough():
    returns = np.random.default_rng(4).normal(0.0008, 0.01, 400)
    needed = min_track_record(returns, 0.95)
    certain = probabilistic_sharpe(returns)
    assert (needed <= 400) == (certain >= 0.95)
    assert min_track_record(returns, certain) == pytest.approx(400)
    assert min_track_record(-returns, 0.95) == np.inf


def test_a_book_with_a_lead_is_found_and_books_without_one_are_not():
    random = np.random.default_rng(5)
    luck = random.normal(0, 0.01, (500, 5))
    skilled = luck + np.array([0, 0, 0.002, 0, 0])
    assert superior_ability(skilled, 10, 300, 1).p < 0.01
    found = [superior_ability(random.normal(0, 0.01, (200, 5)), 5, 99, seed) for seed in range(120)]
    rejected = np.mean([test.p <= 0.10 for test in found])
    assert 0.02 <= rejected <= 0.20
    assert all(test.lower <= test.p <= test.upper for test in found)


def test_hopeless_books_do_not_hide_a_good_one():
    random = np.random.default_rng(6)
    good = random.normal(0.0012, 0.01, (500, 1))
    hopeless = random.normal(-0.02, 0.03, (500, 30))
    together = superior_ability(np.hstack([good, hopeless]), 10, 500, 1)
    alone = superior_ability(good, 10, 500, 1)
    assert together.p == pytest.approx(alone.p, abs=0.02)
    assert together.upper >= together.p


def test_books_that_equal_the_benchmark_cannot_be_judged_and_gaps_are_refused():
    assert np.isnan(superior_ability(np.zeros((100, 2)), 5, 50, 1).p)
    with pytest.raises(ValueError, match="missing"):
        superior_ability(np.full((100, 2), np.nan), 5, 50, 1)


def test_bootstrap_blocks_have_the_mean_length_asked_for():
    rows = stationary_rows(500, 10, 200, 1)
    goes_on = (np.diff(rows, axis=1) % 500 == 1).mean()
    assert goes_on == pytest.approx(0.9, abs=0.01)
    assert rows.min() == 0
    assert rows.max() == 499


def curve(mean, n=504, seed=0):
    """Return backtest.equity of a book with this mean return."""
    random = np.random.default_rng(seed)
    returns = np.append(0.0, random.normal(mean, 0.01, n - 1))
    return pd.DataFrame(
        {
            "session_date": session_dates(np.arange(n) + 9000),
            "equity_usd": 1e6 * (1 + returns.cumsum()),
            "return_frac": returns,
            "cost_usd": np.append(0.0, np.full(n - 1, 20.0)),
            "index_return_frac": np.append(np.nan, random.normal(0, 0.01, n - 1)),
        }
    )


def evidence_of(values, books, champion=None, shares=()):
    trials = trials_of(values)
    return build_evidence(
        equity=books["stack"],
        books=books,
        champion=champion,
        trials=trials,
        blocks=trial_returns_of(trials),
        carried=Capacity(5e6 if len(shares) else np.nan, np.asarray(shares)),
        config=CONFIG,
        gate=GATE,
        horizon_sessions=HORIZON,
    ).set_index("metric")


def test_all_evidence_has_its_number_interval_and_period():
    found = evidence_of(
        noise(48, 10),
        {"stack": curve(0.001), "lightgbm": curve(0.0, seed=1)},
        champion=curve(-0.001, seed=2),
        shares=np.random.default_rng(0).random(400) / 100,
    )
    counts = ["n_trials", "n_trials_complete"]
    assert found.loc[counts, "value"].tolist() == [11, 10]
    rest = found.drop(counts)
    assert rest[["value", "low", "high"]].notna().all(axis=None)
    assert (rest["low"] <= rest["value"]).all()
    assert (rest["value"] <= rest["high"]).all()
    assert rest[["first_date", "last_date"]].notna().all(axis=None)
    assert found.loc["spa_p_champion", "value"] < 0.05


def test_too_little_is_said_to_be_not_assessable():
    found = evidence_of(noise(9, 3), {"stack": curve(0.001, n=100)})
    told = found.drop(["n_trials", "n_trials_complete", "break_even_cost_multiple"])
    assert told["value"].isna().all()
    assert told["note"].str.startswith("not assessable").all()


def test_the_interval_of_a_track_record_holds_and_a_losing_book_has_none():
    found = evidence_of(noise(), {"stack": curve(-0.001)})
    assert annual_sharpe(curve(-0.001)["return_frac"].to_numpy()[1:]) < 0
    assert "not above zero" in found.loc["min_track_record_sessions", "note"]
