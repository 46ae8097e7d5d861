"""A name held over is paid for once, stays only within its band, and the ledger still adds up."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.trades import build_trades, choose_orders
from trading_pipeline_tests.domain.settings_of import shipped
from trading_pipeline_tests.domain.test_backtest import DATES, FREE, bars_of, equities
from trading_pipeline_tests.domain.test_backtest_identities import COSTLY, index_of, market

BAND = {"quantile_frac": 0.25, "hold_band_frac": 0.25}
NAMES = ("A", "B", "C", "D")


def said_daily(*orders):
    """Return predictions of the sessions 0, 1, …, each given as its names, the best first."""
    rows = [(name, s, place) for s, own in enumerate(orders) for place, name in enumerate(own)]
    said = pd.DataFrame(rows, columns=["symbol", "session", "place"])
    return said.assign(
        session_date=DATES[said["session"]], probability=0.9 - 0.1 * said.pop("place")
    )


def book(*orders, **changes):
    """Return the long trades of A, B, C, D at a price of 10 with cohorts of one session."""
    config = FREE.model_copy(
        update={**BAND, "hold_sessions": 1, "side": "long_only", "half_spread_bps": 10, **changes}
    )
    bars = pd.concat([bars_of(name, [10.0] * 8) for name in NAMES], ignore_index=True)
    trades = build_trades(said_daily(*orders), bars, equities(*NAMES), config)
    dates = {date: i for i, date in enumerate(sorted(bars["session_date"].unique()))}
    trades["held"] = [
        (dates[a], dates[b]) for a, b in zip(trades["entry_date"], trades["exit_date"], strict=True)
    ]
    return trades.set_index("symbol")


def test_a_name_stays_while_it_ranks_within_the_band_and_is_paid_for_once():
    trades = book("ABCD", "BACD", "BACD", "BCDA")
    assert trades["held"].to_dict() == {"A": (1, 3), "B": (4, 4)}
    assert trades["cohort"].to_dict() == {"A": 0, "B": 3}
    stake = FREE.capital_usd
    assert trades.loc["A", "cost_usd"] == pytest.approx(2 * stake * 10 / 1e4)


def test_without_a_band_every_cohort_buys_anew():
    trades = book("ABCD", "BACD", hold_band_frac=0)
    assert trades["held"].to_dict() == {"A": (1, 1), "B": (2, 2)}


def test_a_band_of_nothing_chooses_what_the_quantile_chooses():
    predictions, _, _ = market(3)
    plain = choose_orders(predictions, COSTLY)
    tiny = choose_orders(predictions, COSTLY.model_copy(update={"hold_band_frac": 1e-6}))
    pd.testing.assert_frame_equal(plain, tiny)


@pytest.mark.parametrize("seed", range(6))
def test_the_ledger_adds_up_on_ragged_markets_with_names_held_over(seed):
    predictions, bars, universe = market(seed)
    config = COSTLY.model_copy(update={"hold_band_frac": 0.25})
    trades = build_trades(predictions, bars, universe, config)
    equity = build_equity(trades, bars, index_of(bars), config)
    profit = equity["equity_usd"].iloc[-1] - config.capital_usd
    assert trades["net_pnl_usd"].sum() == pytest.approx(profit, abs=1e-6)
    assert (equity["cash_usd"] + equity["position_usd"]).to_numpy() == pytest.approx(
        equity["equity_usd"].to_numpy(), abs=1e-6
    )
    orders = choose_orders(predictions, config)
    assert len(trades) < 0.9 * len(orders)
    assert not trades.duplicated(["cohort", "symbol"]).any()
    again = build_trades(predictions.sample(frac=1, random_state=seed), bars, universe, config)
    pd.testing.assert_frame_equal(trades, again)


def test_each_side_has_as_many_names_with_a_band_as_without():
    predictions, _, _ = market(1)
    counts = [
        choose_orders(predictions, COSTLY.model_copy(update={"hold_band_frac": band}))
        .assign(side=lambda orders: np.sign(orders["target_usd"]))
        .groupby(["session", "side"])["target_usd"]
        .agg(["size", "sum"])
        for band in (0.0, 0.3)
    ]
    pd.testing.assert_frame_equal(*counts)


def test_a_band_that_could_hold_a_name_long_and_short_is_refused():
    with pytest.raises(ValidationError, match="long and short"):
        shipped(BacktestConfig, "backtest", quantile_frac=0.3, hold_band_frac=0.3)
