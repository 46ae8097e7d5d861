"""A Sharpe ratio is shown with what luck alone would have given."""

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.sharpe import (
    annual_sharpe,
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
    sharpe,
    sharpe_sd,
)
from trading_pipeline.domain.backtest.summary import summarise
from trading_pipeline.domain.backtest.trades import empty_trades

CONFIG = BacktestConfig(
    side="long_short",
    quantile_frac=0.1,
    hold_sessions=2,
    hold_band_frac=0,
    capital_usd=1000,
    commission_per_share_usd=0,
    commission_min_usd=0,
    commission_bps=0,
    half_spread_bps=0,
    slippage_bps=0,
    impact_bps=0,
    borrow_bps_per_year=0,
    max_volume_frac=1,
    cost_multiples=(0, 1, 2),
    sizing="equal",
    sizing_sessions=30,
    kelly_frac=0.5,
    max_name_multiple=3,
)


def summary_of(returns, index, trades, config=CONFIG):
    """Return the figures by name for a book with these returns per session."""
    returns = np.array([0.0, *returns])
    level = config.capital_usd * (1 + returns.cumsum())
    equity = pd.DataFrame(
        {
            "equity_usd": level,
            "return_frac": returns,
            "gross_exposure_frac": 0.5,
            "drawdown_frac": level / np.maximum.accumulate(level) - 1,
            "index_return_frac": np.array([np.nan, *index]),
        }
    )
    figures = summarise(
        equity, trades, config, seed=1, n_trials=10, bootstrap_samples=200, interval_sd=2
    )
    return figures.set_index("metric")


TRADES = pd.DataFrame(
    {
        "gross_pnl_usd": [30.0, -10.0],
        "cost_usd": [1.0, 3.0],
        "net_pnl_usd": [29.0, -13.0],
        "notional_usd": [100.0, 100.0],
        "quantity": [10.0, -10.0],
        "exit_price": [13.0, 11.0],
        "exit_reason": ["horizon", "horizon"],
    }
)


def test_figures_follow_from_the_book_by_hand():
    figures = summary_of([0.02, -0.01, 0.006], [0.01, -0.02, 0.0], TRADES)["value"]
    assert figures["net_return_frac"] == pytest.approx(0.016)
    assert figures["cost_frac"] == pytest.approx(0.004)
    assert figures["hit_rate"] == 0.5
    assert figures["n_trades"] == 2
    assert figures["turnover_per_year"] == pytest.approx((100 + 130 + 100 + 110) / 1000 / 3 * 252)
    assert figures["max_drawdown_frac"] == pytest.approx(1010 / 1020 - 1)
    assert figures["gross_exposure_frac"] == 0.5


def test_net_return_falls_by_the_same_amount_with_each_multiple_of_the_costs():
    figures = summary_of([0.02, -0.01, 0.006], [0.01, -0.02, 0.0], TRADES)["value"]
    at = [figures[f"net_return_at_{m}x_cost_frac"] for m in (0, 1, 2)]
    assert at == pytest.approx([0.02, 0.016, 0.012])


def test_beta_and_alpha_are_those_of_a_line():
    index = np.random.default_rng(1).normal(0, 0.01, 50)
    figures = summary_of(0.5 * index + 0.001, index, TRADES)["value"]
    assert figures["beta"] == pytest.approx(0.5)
    assert figures["alpha_per_year_frac"] == pytest.approx(0.252)


def test_a_book_that_never_traded_has_missing_figures_not_zeros():
    nothing = build_equity(empty_trades(), pd.DataFrame(), pd.DataFrame(), CONFIG)
    figures = summarise(
        nothing, empty_trades(), CONFIG, seed=1, n_trials=1, bootstrap_samples=100, interval_sd=2
    ).set_index("metric")
    assert figures.loc["n_trades", "value"] == 0
    assert figures.drop("n_trades")["value"].isna().all()
    assert figures.loc["n_trades", "note"] == "no trade"


def test_an_unknown_index_leaves_only_its_own_figures_missing():
    figures = summary_of([0.02, -0.01, 0.006], [np.nan] * 3, TRADES)["value"]
    assert figures[["sharpe_index", "beta", "alpha_per_year_frac"]].isna().all()
    assert np.isfinite(figures["sharpe_net"])


def test_too_short_a_book_has_a_sharpe_without_an_interval_and_says_so():
    figures = summary_of([0.02, -0.01, 0.006], [0.0] * 3, TRADES)
    assert np.isnan(figures.loc["sharpe_net", "low"])
    assert "fewer than two blocks" in figures.loc["sharpe_net", "note"]


def test_the_sharpe_is_mean_over_deviation_and_missing_without_movement():
    assert sharpe(np.array([0.01, 0.02, 0.03])) == pytest.approx(2)
    assert annual_sharpe(np.array([0.01, 0.02, 0.03])) == pytest.approx(2 * np.sqrt(252))
    assert np.isnan(sharpe(np.full(10, 0.1)))
    assert np.isnan(sharpe(np.array([0.1, 0.2])))


def test_the_probabilistic_sharpe_of_normal_returns_is_the_textbook_one():
    z = np.array([NormalDist().inv_cdf((i + 0.5) / 1000) for i in range(1000)])
    returns = 0.0005 + 0.01 * z
    ratio = sharpe(returns)
    kurtosis = ((z - z.mean()) ** 4).mean() / z.var() ** 2
    expected = ratio * np.sqrt(999 / (1 + (kurtosis - 1) / 4 * ratio**2))
    assert probabilistic_sharpe(returns) == pytest.approx(NormalDist().cdf(expected))


def test_the_best_of_many_tries_without_skill_is_as_bailey_and_lopez_de_prado_say():
    # Table of the expected maximum of N standard normals: N = 10 gives 1.57, N = 100 gives 2.53.
    assert expected_best_sharpe(10, 2) == pytest.approx(1.57, abs=0.01)
    assert expected_best_sharpe(100, 2) == pytest.approx(2.53, abs=0.01)
    assert expected_best_sharpe(1, 100) == 0


def test_more_trials_deflate_a_sharpe_and_one_trial_does_not():
    returns = np.random.default_rng(3).normal(0.001, 0.01, 500)
    assert deflated_sharpe(returns, 1) == probabilistic_sharpe(returns)
    assert (
        deflated_sharpe(returns, 100) < deflated_sharpe(returns, 10) < deflated_sharpe(returns, 1)
    )


def test_the_bootstrapped_deviation_is_near_the_theory_for_independent_returns():
    returns = np.random.default_rng(5).normal(0, 0.01, 2000)
    measured = sharpe_sd(returns, block_sessions=10, n_samples=500, seed=1)
    assert measured == pytest.approx(np.sqrt(252 / 2000), rel=0.15)
    assert measured == sharpe_sd(returns, block_sessions=10, n_samples=500, seed=1)
