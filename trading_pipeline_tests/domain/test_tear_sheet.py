"""The tear sheet repeats the book: months add up, falls are its own, costs act linearly."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.sensitivity import break_even_multiple, cost_sensitivity
from trading_pipeline.domain.backtest.tear_sheet import capacity, drawdown_table, monthly_table
from trading_pipeline.domain.backtest.trades import build_trades, empty_trades
from trading_pipeline_tests.domain.test_backtest_identities import (
    COSTLY,
    COSTS,
    index_of,
    market,
)

OPTIONS = {"seed": 1, "bootstrap_samples": 50, "interval_sd": 2.0}


def book(seed=1, config=COSTLY):
    """Return (trades, equity, bars) of a random market."""
    predictions, bars, universe = market(seed, n_sessions=70)
    trades = build_trades(predictions, bars, universe, config)
    return trades, build_equity(trades, bars, index_of(bars), config), bars


def dearer(multiple):
    """Return the settings with every cost times a multiple."""
    return COSTLY.model_copy(update={name: getattr(COSTLY, name) * multiple for name in COSTS})


@pytest.mark.parametrize("multiple", [0.0, 0.5, 3.0])
def test_a_multiple_of_the_costs_is_the_book_kept_at_those_costs(multiple):
    trades, equity, _ = book()
    (row,) = cost_sensitivity(equity, trades, COSTLY, multiples=(multiple,), **OPTIONS).itertuples()
    kept, at_costs, _ = book(config=dearer(multiple))
    own = cost_sensitivity(at_costs, kept, dearer(multiple), multiples=(1.0,), **OPTIONS)
    assert row.net_return_frac == pytest.approx(own["net_return_frac"][0], abs=1e-12)
    assert row.sharpe_net == pytest.approx(own["sharpe_net"][0], rel=1e-9)
    assert row.cost_bps == pytest.approx(own["cost_bps"][0], rel=1e-9)


def test_net_return_is_linear_in_the_multiple_and_gone_where_the_costs_break_even():
    trades, equity, _ = book()
    even = break_even_multiple(equity, COSTLY)
    table = cost_sensitivity(equity, trades, COSTLY, multiples=(2, 0, 1, even), **OPTIONS)
    assert table["cost_multiple"].is_monotonic_increasing
    net = table.set_index("cost_multiple")["net_return_frac"]
    assert net[0] - net[1] == pytest.approx(net[1] - net[2])
    assert net[even] == pytest.approx(0, abs=1e-12)


def test_months_add_up_to_the_book():
    trades, equity, _ = book()
    table = monthly_table(equity, trades, COSTLY)
    assert table["net_return_frac"].sum() == pytest.approx(equity["return_frac"].sum())
    assert table["cost_frac"].sum() * COSTLY.capital_usd == pytest.approx(trades["cost_usd"].sum())
    assert table["n_entries"].sum() == len(trades)
    assert table["n_sessions"].sum() == len(equity) - 1
    traded = (trades["notional_usd"] + (trades["quantity"] * trades["exit_price"]).abs()).sum()
    assert table["turnover_frac"].sum() * COSTLY.capital_usd == pytest.approx(traded)


def test_falls_are_measured_by_hand():
    level = np.array([100.0, 110, 99, 104.5, 110, 120, 90, 60, 80])
    dates = pd.bdate_range("2024-01-01", periods=9)
    equity = pd.DataFrame(
        {"session_date": dates, "drawdown_frac": level / np.maximum.accumulate(level) - 1}
    )
    deep, shallow = drawdown_table(equity).to_dict("records")
    assert deep["depth_frac"] == pytest.approx(-0.5)
    assert (deep["peak_date"], deep["trough_date"]) == (dates[5], dates[7])
    assert pd.isna(deep["recovered_date"])
    assert pd.isna(deep["n_sessions_up"])
    assert (deep["n_sessions_down"], deep["n_sessions"]) == (2, 3)
    assert shallow["depth_frac"] == pytest.approx(-0.1)
    assert shallow["recovered_date"] == dates[4]
    assert (shallow["n_sessions_down"], shallow["n_sessions_up"], shallow["n_sessions"]) == (
        1,
        2,
        3,
    )
    assert (deep["position"], shallow["position"]) == (1, 2)


def test_a_book_with_the_capital_it_can_carry_meets_the_limit_once_in_twenty():
    big = COSTLY.model_copy(update={"max_volume_frac": 1.0})
    trades, _, bars = book(config=big)
    held = capacity(trades, bars, COSTLY)
    scaled = held.shares_of_volume * held.capital_usd / COSTLY.capital_usd
    beyond = (scaled > COSTLY.max_volume_frac * (1 + 1e-9)).mean()
    assert 0.03 < beyond < 0.06
    assert np.isnan(capacity(trades, bars.assign(volume=np.nan), COSTLY).capital_usd)


def test_a_book_that_never_traded_has_no_rows():
    nothing = build_equity(empty_trades(), pd.DataFrame(), pd.DataFrame(), COSTLY)
    assert monthly_table(nothing, empty_trades(), COSTLY).empty
    assert drawdown_table(nothing).empty
    assert cost_sensitivity(nothing, empty_trades(), COSTLY, multiples=(1,), **OPTIONS).empty
    assert np.isnan(break_even_multiple(nothing, COSTLY))
