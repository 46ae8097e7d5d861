"""Sizing shares a side's stake by what was known at the decision, and never beyond its limits."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.sizing import capped, size_orders
from trading_pipeline.domain.backtest.trades import build_trades, choose_orders
from trading_pipeline_tests.domain.test_backtest_identities import COSTLY, index_of, market

SIZINGS = ("volatility", "kelly", "mean_risk")
CONFIG = COSTLY.model_copy(update={"quantile_frac": 0.4, "max_volume_frac": 1.0})


def sized(sizing, seed=3, last=3, **changes):
    """Return (equal orders, sized orders, bars) of a market's last sessions."""
    predictions, bars, _ = market(seed, ragged=False)
    said = predictions[predictions["session"] > predictions["session"].max() - last]
    config = CONFIG.model_copy(update={"sizing": sizing, **changes})
    equal = choose_orders(said, config)
    return equal, size_orders(equal, bars, config), bars


def by_side(orders):
    """Return the stake of each side of each cohort."""
    return orders.groupby([orders["session"], orders["target_usd"] > 0])["target_usd"].sum()


@pytest.mark.parametrize("sizing", ["volatility", "mean_risk"])
def test_each_side_keeps_its_stake(sizing):
    equal, orders, _ = sized(sizing)
    pd.testing.assert_series_equal(by_side(orders), by_side(equal), rtol=1e-9)
    assert not np.allclose(
        orders["target_usd"].abs().to_numpy()[: len(equal)], equal["target_usd"].abs()[0]
    )


def test_a_name_that_moves_twice_as_much_gets_half():
    _, orders, bars = sized("volatility", last=1, max_name_multiple=4.0)
    longs = orders[orders["target_usd"] > 0]
    spread = {}
    for symbol in longs["symbol"]:
        closes = bars.loc[bars["symbol"] == symbol].set_index("session")["close"]
        seen = closes.loc[: longs["session"].iloc[0]].pct_change().iloc[-30:]
        spread[symbol] = seen.std()
    risk = longs["target_usd"].to_numpy() * longs["symbol"].map(spread).to_numpy()
    np.testing.assert_allclose(risk, risk[0], rtol=1e-9)


def test_kelly_bets_edge_over_move_and_leaves_the_rest_in_cash():
    equal, orders, _ = sized("kelly", kelly_frac=0.001)
    assert (by_side(orders).abs() < by_side(equal).abs().reindex(by_side(orders).index)).all()
    own = np.where(orders["target_usd"] > 0, orders["probability"], 1 - orders["probability"])
    assert (own > 0.5).all()
    _, twice, _ = sized("kelly", kelly_frac=0.002)
    np.testing.assert_allclose(twice["target_usd"], 2 * orders["target_usd"])


def test_the_least_variance_portfolio_moves_less_than_equal_shares():
    equal, orders, bars = sized("mean_risk", last=1)
    closes = bars.pivot(index="session", columns="symbol", values="close")
    returns = closes.loc[: equal["session"].iloc[0]].pct_change().iloc[-30:]

    def variance(chosen):
        longs = chosen[chosen["target_usd"] > 0]
        return (returns[longs["symbol"]].to_numpy() @ longs["target_usd"].to_numpy()).var()

    assert variance(orders) < variance(equal)


@pytest.mark.parametrize("sizing", SIZINGS)
def test_no_name_gets_more_than_its_limit(sizing):
    equal, orders, _ = sized(sizing, max_name_multiple=1.2)
    share = equal["target_usd"].abs().iloc[0]
    assert (orders["target_usd"].abs() <= 1.2 * share * (1 + 1e-9)).all()


@pytest.mark.parametrize("sizing", SIZINGS)
def test_bars_after_the_decision_change_no_size(sizing):
    equal, orders, bars = sized(sizing, last=1)
    known = bars[bars["session"] <= equal["session"].max()]
    config = CONFIG.model_copy(update={"sizing": sizing})
    pd.testing.assert_frame_equal(orders, size_orders(equal, known, config), check_exact=True)


@pytest.mark.parametrize("sizing", SIZINGS)
def test_a_side_without_history_keeps_equal_shares(sizing):
    predictions, bars, _ = market(3, ragged=False)
    early = predictions[predictions["session"] < 7010]
    equal = choose_orders(early, CONFIG)
    config = CONFIG.model_copy(update={"sizing": sizing})
    pd.testing.assert_frame_equal(size_orders(equal, bars, config), equal)


def test_a_mean_risk_book_keeps_its_identities():
    predictions, bars, universe = market(8)
    late = predictions[predictions["session"] > 7028]
    config = COSTLY.model_copy(update={"sizing": "mean_risk", "quantile_frac": 0.3})
    trades = build_trades(late, bars, universe, config)
    equity = build_equity(trades, bars, index_of(bars), config)
    change = equity["equity_usd"].iloc[-1] - config.capital_usd
    assert change == pytest.approx(trades["net_pnl_usd"].sum(), abs=1e-9 * config.capital_usd)
    total = equity["cash_usd"] + equity["position_usd"]
    np.testing.assert_allclose(equity["equity_usd"], total, rtol=1e-9)


def test_shares_beyond_the_limit_go_to_the_others_or_stay_cash():
    config = CONFIG.model_copy(update={"max_name_multiple": 1.5})
    np.testing.assert_allclose(capped(np.array([0.8, 0.1, 0.1]), config), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(capped(np.array([3.0, 0.0, 0.0]), config), [0.5, 0.0, 0.0])
    assert capped(np.zeros(3), config).tolist() == [0, 0, 0]
