"""Minute bars must be the same days as the daily bars, seen closer."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.bars.sessions import session_dates, session_table
from trading_pipeline.domain.simulation.market import simulate_market
from trading_pipeline.domain.simulation.minutes import simulate_minutes
from trading_pipeline.domain.simulation.shift import plant_shift

HALF_DAY = pd.Timestamp("2010-11-26")
DAY = {"open": "first", "high": "max", "low": "min", "close": "last"}


@pytest.fixture(scope="module")
def market():
    """Return 12 symbols whose last 30 sessions, a half-day among them, have minutes."""
    config = SimulationConfig(
        n_symbols=12,
        n_sessions=240,
        first_session=date(2010, 1, 4),
        seed=11,
        signal="linear",
        oracle_auc=0.65,
        minute_sessions=30,
        minute_symbols=8,
    )
    return simulate_market(config)


def by_session(minute):
    """Return the daily bars that minute bars add up to, by symbol and New York date."""
    local = minute["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    days = local.dt.tz_localize(None).dt.normalize().rename("day")
    return minute.groupby(["symbol", days]).agg(DAY)


def assert_minutes_are_the_days(minute, daily):
    summed = by_session(minute)
    given_ = daily.set_index(["symbol", "ts"]).loc[summed.index, list(DAY)]
    np.testing.assert_array_equal(summed[list(DAY)].to_numpy(), given_.to_numpy())


def test_minutes_add_up_to_the_daily_bar_exactly(market):
    assert_minutes_are_the_days(market.minute, market.daily)


def test_the_last_sessions_of_the_first_symbols_and_the_index_have_minutes(market):
    summed = by_session(market.minute).reset_index()
    assert summed["day"].nunique() == 30
    assert summed["day"].max() == market.daily["ts"].max()
    trading = set(market.daily.loc[market.daily["ts"] == summed["day"].max(), "symbol"])
    wanted = {f"SIM{number:02d}" for number in range(1, 9)} & trading
    assert set(summed.loc[summed["day"] == summed["day"].max(), "symbol"]) == wanted | {"SIMX"}


def test_minutes_lie_inside_the_regular_session_and_half_days_are_shorter(market):
    table = session_table().set_index("session_date")
    local = market.minute["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    days = local.dt.tz_localize(None).dt.normalize()
    instants = market.minute["ts"].dt.tz_localize("UTC")
    assert (instants >= days.map(table["opens_at"])).all()
    assert (instants < days.map(table["closes_at"])).all()
    counts = market.minute.groupby(["symbol", days.rename("day")]).size().unstack()
    assert counts[HALF_DAY].max() <= 210
    assert counts.drop(columns=HALF_DAY).max().max() <= 390


def test_some_minutes_are_missing_but_few(market):
    full = by_session(market.minute).reset_index()
    expected = np.where(full["day"] == HALF_DAY, 210, 390).sum()
    assert 0.97 < len(market.minute) / expected < 0.999


def test_minute_bars_are_possible_and_quotes_straddle_them(market):
    minute, quotes = market.minute, market.quotes
    assert (minute["low"] <= minute[["open", "close"]].min(axis=1)).all()
    assert (minute["high"] >= minute[["open", "close"]].max(axis=1)).all()
    assert not minute.duplicated(["symbol", "ts"]).any()
    pd.testing.assert_frame_equal(minute[["symbol", "ts"]], quotes[["symbol", "ts"]])
    assert (quotes["bid_close"] < minute["close"]).all()
    assert (quotes["ask_close"] > minute["close"]).all()
    assert (quotes[["bid_size", "ask_size"]] >= 100).all().all()


def test_a_market_without_minutes_has_typed_empty_frames():
    config = SimulationConfig(
        n_symbols=4,
        n_sessions=60,
        first_session=date(2010, 1, 4),
        seed=0,
        signal="none",
        oracle_auc=0.65,
        minute_sessions=0,
        minute_symbols=0,
    )
    market = simulate_market(config)
    assert (len(market.minute), len(market.quotes)) == (0, 0)
    assert market.minute["ts"].dtype == "datetime64[ns]"
    assert list(market.toml["files"]) == ["daily/bars.parquet"]


@given(seed=st.integers(0, 2**31), n=st.integers(1, 4))
@settings(max_examples=10, deadline=None)
def test_sample_minutes_are_possible_bars_in_order(seed, n):
    sessions = pd.DatetimeIndex(["2022-11-23", "2022-11-25", "2022-11-28"])
    symbols = tuple(f"SIM{number:02d}" for number in range(1, n + 1))
    minute = simulate_minutes(symbols, sessions, seed)
    assert (minute["low"] > 0).all()
    assert (minute["low"] <= minute[["open", "close"]].min(axis=1)).all()
    assert (minute["high"] >= minute[["open", "close"]].max(axis=1)).all()
    assert minute.equals(minute.sort_values(["symbol", "ts"], ignore_index=True))
    assert not minute.duplicated(["symbol", "ts"]).any()


def test_sample_minutes_repeat_and_hold_falls_past_the_rungs_that_partly_reverse():
    sessions = session_dates(np.arange(9400, 9440))
    symbols = tuple(f"SIM{number:02d}" for number in range(1, 9))
    minute = simulate_minutes(symbols, sessions, seed=3)
    pd.testing.assert_frame_equal(minute, simulate_minutes(symbols, sessions, seed=3))
    days = by_session(minute)
    fall = 1 - days["low"] / days["open"]
    assert 0.08 < (fall >= 0.02).mean() < 0.3
    assert (fall >= 0.05).sum() >= 5
    back = ((days["close"] - days["low"]) / (days["open"] - days["low"]))[fall >= 0.02]
    assert 0.2 < (back >= 0.5).mean() < 0.7


def test_a_date_without_a_session_is_refused():
    with pytest.raises(ValueError, match="no session"):
        simulate_minutes(("SIM01",), pd.DatetimeIndex(["2022-11-24"]), seed=0)


def test_a_planted_shift_changes_nothing_before_it(market):
    start = market.vix["ts"].iloc[-20]
    shifted = plant_shift(market, ordinal(start))
    for name in ("daily", "minute", "quotes", "vix"):
        before, after = (getattr(m, name) for m in (market, shifted))
        early = before["ts"] < start
        pd.testing.assert_frame_equal(before[early], after[early], check_exact=True)
    pd.testing.assert_frame_equal(market.oracle, shifted.oracle)


def test_a_planted_shift_stretches_returns_volume_and_vix_and_keeps_bars_possible(market):
    start = market.vix["ts"].iloc[-20]
    shifted = plant_shift(market, ordinal(start), volatility_factor=2.5, volume_factor=3.0)
    closes = (
        m.daily.pivot(index="ts", columns="symbol", values="close") for m in (market, shifted)
    )
    whole = [symbol for symbol in market.universe["symbol"] if symbol not in split_symbols(market)]
    before, after = (np.log(close[whole]).diff().loc[start:] for close in closes)
    np.testing.assert_allclose(after, 2.5 * before, atol=1e-5)
    late = market.daily["ts"] >= start
    np.testing.assert_allclose(
        shifted.daily.loc[late, "volume"], 3 * market.daily.loc[late, "volume"]
    )
    ratio = shifted.vix["close"].iloc[-1] / market.vix["close"].iloc[-1]
    assert ratio == pytest.approx(np.sqrt(2.5))
    assert (shifted.daily["low"] <= shifted.daily[["open", "close"]].min(axis=1)).all()
    assert_minutes_are_the_days(shifted.minute, shifted.daily)
    assert (shifted.quotes["ask_close"] > shifted.quotes["bid_close"]).all()


def test_a_shift_through_a_split_leaves_the_split_as_it_was(market):
    symbol, ex_date, split_ratio = market.corporate_actions.loc[0, ["symbol", "ex_date", "ratio"]]
    dates = market.vix["ts"]
    start = dates.iloc[int(np.searchsorted(dates, ex_date)) - 5]
    shifted = plant_shift(market, ordinal(start))
    rows = [m.daily[m.daily["symbol"] == symbol].set_index("ts") for m in (market, shifted)]
    gaps = []
    for bars in rows:
        place = bars.index.get_loc(ex_date)
        gaps.append(bars["open"].iloc[place] * split_ratio / bars["close"].iloc[place - 1])
    assert np.log(gaps[1]) == pytest.approx(2.5 * np.log(gaps[0]), abs=1e-4)


def test_a_shift_that_leaves_nothing_before_it_is_refused(market):
    with pytest.raises(ValueError, match="later session"):
        plant_shift(market, ordinal(market.vix["ts"].iloc[0]))


def split_symbols(market):
    return set(market.corporate_actions["symbol"])


def ordinal(day):
    table = session_table()
    return int(table.loc[table["session_date"] == day, "session"].iloc[0])
