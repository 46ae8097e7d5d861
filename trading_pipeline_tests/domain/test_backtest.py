"""The book, by hand: small markets in which every fill, cost and mark was worked out on paper."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.trades import build_trades, choose_orders

DATES = pd.DatetimeIndex(pd.bdate_range("2024-01-02", periods=30)).astype("datetime64[ns]")
FREE = BacktestConfig(
    side="long_short",
    quantile_frac=0.5,
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
NO_INDEX = pd.DataFrame(
    columns=["symbol", "session", "session_date", "close", "adj_factor", "has_vendor_seam"]
)


def priced(**changes):
    """Return settings with the given costs."""
    return FREE.model_copy(update=changes)


def bars_of(symbol, closes, opens=None, first=0, **columns):
    """Return one symbol's daily bars from session `first` on; a close of None has no bar."""
    frame = pd.DataFrame(
        {
            "symbol": pd.Series([symbol] * len(closes), dtype=object),
            "session": np.arange(first, first + len(closes)),
            "session_date": DATES[first : first + len(closes)],
            "open": np.array(closes if opens is None else opens, dtype=float),
            "close": np.array(closes, dtype=float),
            "volume": 1e9,
            "adj_factor": 1.0,
            "prices": "raw",
            "has_vendor_seam": False,
        }
    ).assign(**columns)
    return frame[frame["close"].notna()].reset_index(drop=True)


def said(session=0, **probabilities):
    """Return one session's predictions."""
    return pd.DataFrame(
        {
            "symbol": pd.Series(list(probabilities), dtype=object),
            "session_date": DATES[session],
            "session": session,
            "probability": list(probabilities.values()),
        }
    )


def equities(*symbols):
    """Return a universe of equities."""
    return pd.DataFrame({"symbol": pd.Series(symbols, dtype=object), "kind": "equity"})


def booked(predictions, bars, config=FREE, index_bars=NO_INDEX):
    """Return trades by symbol, and the equity."""
    trades = build_trades(predictions, bars, equities("UP", "DOWN"), config)
    return trades.set_index("symbol"), build_equity(trades, bars, index_bars, config)


FLAT = bars_of("DOWN", [100] * 6)
RISING = bars_of("UP", [10, 11, 12, 13, 14, 15], opens=[10, 10, 11, 12, 13, 14])


def test_a_cohort_buys_the_top_and_sells_the_bottom_with_half_its_capital_each():
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]))
    assert trades.loc["UP", ["side", "notional_usd"]].tolist() == ["long", 250]
    assert trades.loc["DOWN", ["side", "notional_usd"]].tolist() == ["short", 250]
    assert trades["quantity"].to_dict() == {"UP": 25, "DOWN": -2.5}


def test_an_order_fills_at_the_next_open_and_ends_at_the_close_of_the_span():
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]))
    up = trades.loc["UP"]
    assert (up["decided_date"], up["entry_date"], up["exit_date"]) == tuple(DATES[:3])
    assert (up["entry_price"], up["exit_price"], up["gross_pnl_usd"]) == (10, 12, 50)
    assert up["exit_reason"] == "horizon"


def test_equity_is_marked_at_every_close():
    _, equity = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]))
    assert equity["session_date"].tolist() == DATES[:3].tolist()
    assert equity["equity_usd"].tolist() == [1000, 1025, 1050]
    assert equity["cash_usd"].tolist() == [1000, 1000, 1050]
    assert equity["position_usd"].tolist() == [0, 25, 0]
    assert equity["return_frac"].tolist() == pytest.approx([0, 0.025, 0.025])
    assert equity["gross_exposure_frac"].tolist() == pytest.approx([0, 525 / 1025, 0])


def test_a_short_earns_what_the_price_loses():
    falling = bars_of("DOWN", [100, 90, 80, 70])
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, falling]))
    assert trades.loc["DOWN", "gross_pnl_usd"] == pytest.approx(250 / 90 * 10)


def test_a_long_only_book_gives_the_whole_cohort_to_the_top():
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]), priced(side="long_only"))
    assert trades["notional_usd"].to_dict() == {"UP": 500}


def test_a_source_with_closes_only_fills_at_the_next_close():
    closes_only = pd.concat([RISING, FLAT]).assign(open=np.nan)
    trades, equity = booked(said(UP=0.9, DOWN=0.1), closes_only)
    assert trades.loc["UP", ["entry_price", "exit_price"]].tolist() == [11, 12]
    assert equity["equity_usd"].iloc[1] == 1000


def test_an_order_without_a_bar_to_fill_on_lapses():
    halted = bars_of("UP", [10, None, 12, 13])
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([halted, FLAT]))
    assert trades.index.tolist() == ["DOWN"]


def test_a_position_halted_at_the_end_of_its_span_waits_for_the_next_close():
    halted = bars_of("UP", [10, 10, None, 16, 17])
    trades, equity = booked(said(UP=0.9, DOWN=0.1), pd.concat([halted, FLAT]))
    assert trades.loc["UP", ["exit_price", "exit_reason"]].tolist() == [16, "horizon"]
    assert trades.loc["UP", "exit_date"] == DATES[3]
    assert equity["equity_usd"].tolist() == [1000, 1000, 1000, 1150]


def test_a_delisted_name_ends_at_its_last_close():
    trades, equity = booked(
        said(UP=0.9, DOWN=0.1), pd.concat([bars_of("UP", [10, 5]), FLAT]), priced(hold_sessions=4)
    )
    assert trades.loc["UP", "exit_reason"] == "delisted"
    assert trades.loc["UP", "exit_date"] == DATES[1]
    assert equity["session_date"].iloc[-1] == DATES[4]


def test_an_open_position_is_valued_at_the_last_close_of_the_data():
    trades, _ = booked(said(session=4, UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]))
    assert trades["exit_reason"].tolist() == ["end_of_data"] * 2
    assert trades.loc["UP", "exit_price"] == 15


def test_a_decision_on_the_last_bar_has_no_bar_to_fill_on():
    trades, equity = booked(said(session=5, UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]))
    assert trades.empty
    assert equity.empty


def test_a_position_ends_where_prices_stop_being_comparable():
    seam = bars_of("UP", [10, 10, 300, 300], has_vendor_seam=[False, False, True, False])
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([seam, FLAT]), priced(hold_sessions=3))
    assert trades.loc["UP", ["exit_reason", "exit_price"]].tolist() == ["vendor_seam", 10]


def test_a_split_neither_earns_nor_costs():
    split = bars_of("UP", [10, 10, 5, 5], adj_factor=[0.5, 0.5, 1, 1])
    trades, equity = booked(said(UP=0.9, DOWN=0.1), pd.concat([split, FLAT]))
    assert trades.loc["UP", ["quantity", "gross_pnl_usd"]].tolist() == [25, 0]
    assert equity["equity_usd"].tolist() == [1000] * 3


def test_a_split_is_neutral_to_commissions_on_the_shares_really_sold():
    split = bars_of("UP", [10, 10, 5, 5], adj_factor=[0.5, 0.5, 1, 1])
    trades, _ = booked(
        said(UP=0.9, DOWN=0.1), pd.concat([split, FLAT]), priced(commission_per_share_usd=0.01)
    )
    assert trades.loc["UP", "cost_usd"] == pytest.approx(25 * 0.01 + 50 * 0.01)


def test_a_dividend_is_paid_to_the_long():
    paid = bars_of("UP", [10, 10, 9, 9], adj_factor=[0.9, 0.9, 1, 1])
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([paid, FLAT]))
    assert trades.loc["UP", "gross_pnl_usd"] == pytest.approx(0)


def test_basis_points_are_paid_on_both_notionals():
    trades, equity = booked(
        said(UP=0.9, DOWN=0.1),
        pd.concat([RISING, FLAT]),
        priced(half_spread_bps=10, slippage_bps=10),
    )
    assert trades.loc["UP", "cost_usd"] == pytest.approx((250 + 300) * 0.002)
    assert trades.loc["DOWN", "cost_usd"] == pytest.approx(500 * 0.002)
    assert equity["cost_usd"].tolist() == pytest.approx([0, 1.0, 1.1])


def test_impact_grows_with_the_square_root_of_the_share_of_volume():
    thin = RISING.assign(volume=2500.0)
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([thin, FLAT]), priced(impact_bps=100))
    assert trades.loc["UP", "cost_usd"] == pytest.approx((250 + 300) * 0.01 * 0.1)


def test_missing_volume_costs_the_impact_of_the_largest_order_allowed():
    unknown = RISING.assign(volume=np.nan)
    trades, _ = booked(
        said(UP=0.9, DOWN=0.1),
        pd.concat([unknown, FLAT]),
        priced(impact_bps=100, max_volume_frac=0.04),
    )
    assert trades.loc["UP", "notional_usd"] == 250
    assert trades.loc["UP", "cost_usd"] == pytest.approx((250 + 300) * 0.01 * 0.2)


def test_commission_is_per_share_with_a_minimum_where_prices_are_raw():
    config = priced(commission_per_share_usd=0.1, commission_min_usd=1, commission_bps=100)
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]), config)
    assert trades["cost_usd"].to_dict() == pytest.approx({"UP": 2.5 + 2.5, "DOWN": 1 + 1})


@pytest.mark.parametrize("prices", ["split", "total"])
def test_commission_is_basis_points_where_prices_are_adjusted(prices):
    config = priced(commission_per_share_usd=0.1, commission_min_usd=1, commission_bps=100)
    bars = pd.concat([RISING, FLAT]).assign(prices=prices)
    trades, _ = booked(said(UP=0.9, DOWN=0.1), bars, config)
    assert trades["cost_usd"].to_dict() == pytest.approx({"UP": 2.5 + 3, "DOWN": 2.5 + 2.5})


def test_a_short_pays_the_loan_for_every_session_held():
    trades, equity = booked(
        said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]), priced(borrow_bps_per_year=2520)
    )
    assert trades["cost_usd"].to_dict() == pytest.approx({"UP": 0, "DOWN": 2 * 250 * 0.001})
    assert equity["cost_usd"].tolist() == pytest.approx([0, 0.25, 0.25])


def test_a_fill_never_exceeds_its_share_of_the_bars_volume():
    thin = RISING.assign(volume=100.0)
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([thin, FLAT]), priced(max_volume_frac=0.1))
    assert trades.loc["UP", ["quantity", "notional_usd"]].tolist() == [10, 100]


def test_an_exit_waits_for_a_bar_whose_volume_can_take_it():
    thin = RISING.assign(volume=[1000.0, 1000, 10, 20, 1000, 1000])
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([thin, FLAT]), priced(max_volume_frac=0.1))
    assert trades.loc["UP", "exit_date"] == DATES[4]
    assert trades.loc["UP", "exit_price"] == 14


def test_a_bar_without_volume_fills_nothing():
    dead = RISING.assign(volume=0.0)
    trades, _ = booked(said(UP=0.9, DOWN=0.1), pd.concat([dead, FLAT]))
    assert trades.index.tolist() == ["DOWN"]


def test_equal_probabilities_are_ordered_by_symbol_and_a_constant_model_trades_nothing():
    tied = choose_orders(said(D=0.5, A=0.5, C=0.5, B=0.6), priced(quantile_frac=0.5))
    assert tied.loc[tied["target_usd"] > 0, "symbol"].tolist() == ["B", "A"]
    assert tied.loc[tied["target_usd"] < 0, "symbol"].tolist() == ["C", "D"]
    assert choose_orders(said(A=0.5, B=0.5), FREE).empty


def test_a_tenth_of_thirty_names_is_three():
    names = {f"S{i:02d}": i / 100 for i in range(30)}
    orders = choose_orders(said(**names), priced(quantile_frac=0.1))
    assert (orders["target_usd"] > 0).sum() == (orders["target_usd"] < 0).sum() == 3


def test_only_equities_are_traded():
    trades, _ = booked(said(UP=0.9, FUND=0.99, DOWN=0.1), pd.concat([RISING, FLAT]))
    assert sorted(trades.index) == ["DOWN", "UP"]


def test_the_index_is_missing_where_its_return_cannot_be_told():
    index = bars_of("IDX", [100, 110, None], has_vendor_seam=False)
    _, equity = booked(said(UP=0.9, DOWN=0.1), pd.concat([RISING, FLAT]), index_bars=index)
    assert equity["index_return_frac"].tolist() == pytest.approx([np.nan, 0.1, np.nan], nan_ok=True)


def test_unusable_predictions_are_refused():
    bars = pd.concat([RISING, FLAT])
    with pytest.raises(ValueError, match="without a probability"):
        booked(said(UP=np.nan, DOWN=0.1), bars)
    with pytest.raises(ValueError, match="two predictions"):
        booked(pd.concat([said(UP=0.9, DOWN=0.1)] * 2), bars)
    with pytest.raises(ValueError, match="two rows"):
        booked(said(UP=0.9, DOWN=0.1), pd.concat([bars, RISING]))
