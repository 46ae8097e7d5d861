"""A market of falls must hold the falls its oracle tells, ended by the chance it tells."""

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.simulation.fall_chance import chance, fall_score, planted_strength
from trading_pipeline.domain.simulation.fall_paths import RUNGS
from trading_pipeline.domain.simulation.falls import simulate_falls
from trading_pipeline_tests.domain.falls_market import (
    by_symbol_and_day,
    falls_config,
    falls_market,
    first_bars,
    reverses,
)


@pytest.fixture(scope="module")
def market():
    return falls_market()


@pytest.fixture(scope="module")
def sessions(market):
    return by_symbol_and_day(market.minute)


def test_the_oracle_names_every_fall_and_no_other(market, sessions):
    found = {
        (symbol, day, rung, bar)
        for (symbol, day), bars in sessions.items()
        if symbol != "SIMX"
        for rung, bar in first_bars(bars, RUNGS).items()
    }
    truth = market.oracle
    local = truth["detected_at"].dt.tz_convert("America/New_York").dt.tz_localize(None)
    minutes = (local - truth["session_date"]) / pd.Timedelta(minutes=1) - 9.5 * 60
    bars = minutes.astype(int) - 1
    told = set(zip(truth["symbol"], truth["session_date"], truth["rung"], bars, strict=True))
    assert told == found
    assert len(told) > 200
    assert pd.Timestamp("2010-11-26") in {day for _, day, _, _ in told}


@pytest.mark.parametrize("delay", [0, 1])
def test_a_fall_ends_as_the_oracle_drew_it_whichever_entry(market, sessions, delay):
    for row in market.oracle.itertuples(index=False):
        bars = sessions[row.symbol, row.session_date]
        bar = first_bars(bars, (row.rung,))[row.rung]
        assert reverses(bars, bar, row.rung, delay) == row.is_reversed


def test_the_told_chance_follows_from_volume_gap_and_pace_as_they_stand_in_the_bars(
    market, sessions
):
    strength = planted_strength(0.7)
    close = market.daily.set_index(["symbol", "ts"])["close"].unstack("symbol").shift()
    local = market.minute["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    volumes = {
        key: part["volume"].cumsum().to_numpy()
        for key, part in market.minute.groupby(
            [market.minute["symbol"], local.dt.tz_localize(None).dt.normalize()]
        )
    }
    days = sorted({day for _, day in sessions})
    checked = 0
    for row in market.oracle.itertuples(index=False):
        bars = sessions[row.symbol, row.session_date]
        bar = first_bars(bars, (row.rung,))[row.rung]
        at = days.index(row.session_date)
        before = [volumes[row.symbol, day] for day in days[at - 20 : at]]
        usual = np.mean([so_far[bar] for so_far in before if len(so_far) > bar])
        if any(len(so_far) < bars.shape[1] for so_far in before):
            continue  # a half-day among them: its curve is not part of a whole day's mean
        ratio = volumes[row.symbol, row.session_date][bar] / usual
        gap = bars[0, 0] / close.loc[row.session_date, row.symbol] - 1
        score = fall_score(ratio, gap, bar - int(np.argmax(bars[1, : bar + 1])))
        assert chance(score, strength) == pytest.approx(row.oracle_score, abs=1e-9)
        checked += 1
    assert checked > 50


def test_daily_bars_are_what_their_minutes_add_up_to(market, sessions):
    daily = market.daily.set_index(["symbol", "ts"])
    for key, bars in sessions.items():
        made = [bars[0, 0], bars[1].max(), bars[2].min(), bars[3, -1]]
        assert daily.loc[key, ["open", "high", "low", "close"]].tolist() == made
    volume = market.minute["volume"].sum()
    shown = daily.index.get_level_values("ts") >= min(day for _, day in sessions)
    assert daily.loc[shown, "volume"].sum() == volume


def test_bars_hold_their_open_and_close_and_half_days_are_short(market, sessions):
    minute = market.minute
    assert (minute["high"] >= minute[["open", "close"]].max(axis=1)).all()
    assert (minute["low"] <= minute[["open", "close"]].min(axis=1)).all()
    assert (minute["low"] > 0).all()
    assert (minute["volume"] >= 1).all()
    assert sessions["SIM01", pd.Timestamp("2010-11-26")].shape == (4, 210)
    assert sessions["SIM01", pd.Timestamp("2010-11-29")].shape == (4, 390)


def test_same_settings_same_bits_and_appended_sessions_move_nothing(market):
    longer = simulate_falls(falls_config(), extra_sessions=3)
    pd.testing.assert_frame_equal(
        longer.minute[longer.minute["ts"] <= market.minute["ts"].max()].reset_index(drop=True),
        market.minute,
    )
    until = market.oracle["session_date"].max()
    kept = longer.oracle[longer.oracle["session_date"] <= until].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, market.oracle)
    assert longer.daily["ts"].nunique() == market.daily["ts"].nunique() + 3


def test_a_market_without_a_signal_has_one_chance_for_every_fall():
    null = falls_market(n_minutes=40, oracle_auc=0.5)
    assert null.oracle["oracle_score"].to_numpy() == pytest.approx(0.35, abs=1e-6)
    assert null.strength == 0


def test_the_oracle_reaches_the_auc_that_was_asked_for():
    many = falls_market(n_minutes=110, n_symbols=8, oracle_auc=0.75)
    assert many.oracle_auc == pytest.approx(0.75, abs=0.05)


def test_too_few_minutes_to_know_a_volume_curve_are_refused_with_the_remedy():
    with pytest.raises(InputError, match="ask for more than 20"):
        falls_market(n_minutes=20, n_before=40)
