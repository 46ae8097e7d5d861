"""A rule's grid must keep every book as the ledger does, and refuse what cannot be."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.rule_grid import rule_grid
from trading_pipeline.domain.backtest.sharpe import annual_sharpe
from trading_pipeline.domain.backtest.trades import build_trades
from trading_pipeline_tests.domain.settings_of import shipped

CONFIG = shipped(BacktestConfig, "backtest", side="long_only", quantile_frac=0.5)
SETS = pd.DataFrame(
    [(2, 5, 1), (3, 8, 4), (8, 3, 7), (1, 20, 3), (5, 6, 60)], columns=["fast", "slow", "hold"]
)


def bars_of(seed, n=70):
    """Return daily bars of one symbol: a random walk, the open missing now and then."""
    random = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.02, n)))
    opened = close * np.exp(random.normal(0, 0.01, n))
    return pd.DataFrame(
        {
            "symbol": "A",
            "session": np.arange(n) + 7000,
            "session_date": pd.bdate_range("2020-01-01", periods=n),
            "open": np.where(random.random(n) < 0.05, np.nan, opened),
            "close": close,
            "volume": np.nan,
            "adj_factor": 1.0,
            "prices": "total",
            "has_vendor_seam": False,
        }
    )


def ledger_figures(bars, fast, slow, hold):
    """Return the figures of the same rule from the ledger of trades and equity."""
    close = bars["close"]
    is_long = close.rolling(fast).mean() > close.rolling(slow).mean()
    said = bars.loc[is_long, ["symbol", "session", "session_date"]].assign(probability=0.9)
    # A name without bars is ranked below, so that a session has something to choose from.
    rest = said.assign(symbol="Z", probability=0.1)
    universe = pd.DataFrame({"symbol": ["A", "Z"], "kind": "equity"})
    config = CONFIG.model_copy(update={"hold_sessions": hold})
    trades = build_trades(pd.concat([said, rest]), bars, universe, config)
    equity = build_equity(trades, bars, bars, config)
    returns = equity["return_frac"].to_numpy()[1:]
    cost = trades["cost_usd"].sum() / config.capital_usd
    worst = equity["drawdown_frac"].min()
    return returns.sum(), cost, annual_sharpe(returns), worst, len(trades)


@pytest.mark.parametrize("seed", range(3))
def test_every_set_equals_the_ledger(seed):
    bars = bars_of(seed)
    grid = rule_grid(bars, SETS, CONFIG)
    assert (grid["n_trades"] > 0).all()
    for row in grid.itertuples():
        expected = ledger_figures(bars, row.fast, row.slow, row.hold)
        np.testing.assert_allclose(row[4:], expected, rtol=1e-9, atol=1e-12)


def test_a_rule_that_never_says_yes_has_missing_figures_not_zeros():
    falling = pd.DataFrame({"open": np.linspace(9, 5, 30), "close": np.linspace(9, 5, 30)})
    grid = rule_grid(falling, SETS.head(1), CONFIG)
    assert grid["n_trades"].tolist() == [0]
    assert grid[["net_return_frac", "cost_frac", "sharpe_net"]].isna().all(axis=None)


def test_an_impossible_price_or_parameter_is_refused():
    bars = bars_of(1)
    with pytest.raises(ValueError, match="clean the bars"):
        rule_grid(bars.assign(close=np.nan), SETS, CONFIG)
    with pytest.raises(ValueError, match="from 1"):
        rule_grid(bars, SETS.assign(hold=0), CONFIG)
