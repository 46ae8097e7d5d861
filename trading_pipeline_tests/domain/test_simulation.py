"""The program's proof rests on markets whose truth is known, so that truth is tested first."""

from dataclasses import fields
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.simulation.calibration import HORIZON_SESSIONS
from trading_pipeline.domain.simulation.market import SimulatedMarket, simulate_market

SIGNALS = ("linear", "interaction", "regime")


def configured(**changes):
    """Return the settings of a small market, changed where a test says so."""
    settings_ = {
        "n_symbols": 12,
        "n_sessions": 300,
        "first_session": date(2010, 1, 4),
        "seed": 5,
        "signal": "none",
        "oracle_auc": 0.65,
        "minute_sessions": 0,
        "minute_symbols": 0,
    }
    return SimulationConfig(**settings_ | changes)


def frames_of(market):
    """Return the market's frames by name."""
    named = {field.name: getattr(market, field.name) for field in fields(SimulatedMarket)}
    return {name: value for name, value in named.items() if isinstance(value, pd.DataFrame)}


def adjusted(market):
    """Return the equities' daily bars with splits undone: prices divided, volume multiplied."""
    daily = market.daily[market.daily["symbol"] != market.toml["index_symbol"]].copy()
    for symbol, ex_date, ratio in market.corporate_actions[
        ["symbol", "ex_date", "ratio"]
    ].itertuples(index=False):
        before = (daily["symbol"] == symbol) & (daily["ts"] < ex_date)
        daily.loc[before, ["open", "high", "low", "close"]] /= ratio
        daily.loc[before, "volume"] *= ratio
    return daily


def wide(frame, column, date_column="ts"):
    return frame.pivot(index=date_column, columns="symbol", values=column)


def pooled_auc(score, label):
    ranks = pd.Series(score).rank().to_numpy()
    n_up = label.sum()
    return (ranks[label].sum() - n_up * (n_up + 1) / 2) / (n_up * (label.size - n_up))


def oracle_auc_from_bars(market):
    """Return the oracle's AUC on the later four fifths, with labels made from the bars alone."""
    bars = adjusted(market)
    opening, close = wide(bars, "open"), wide(bars, "close")
    forward = close.ffill().shift(-HORIZON_SESSIONS) / opening.shift(-1) - 1
    forward = forward.iloc[:-HORIZON_SESSIONS].where(close.notna())
    above = forward.gt(forward.median(axis=1), axis=0).to_numpy()
    score = wide(market.oracle, "oracle_score", "session_date").to_numpy()[: len(forward)]
    first = int(0.2 * len(forward))
    has_label = forward.notna().to_numpy()[first:]
    return pooled_auc(score[first:][has_label], above[first:][has_label])


@given(
    seed=st.integers(0, 2**31),
    n_symbols=st.integers(4, 15),
    signal=st.sampled_from(("none", *SIGNALS)),
)
@settings(max_examples=15, deadline=None)
def test_every_bar_is_possible(seed, n_symbols, signal):
    config = configured(seed=seed, n_symbols=n_symbols, n_sessions=120, signal=signal)
    try:
        market = simulate_market(config)
    except InputError:
        assume(False)  # so few rows cannot always reach an AUC; another test covers the refusal
    daily = market.daily
    assert (daily["low"] > 0).all()
    assert (daily["low"] <= daily[["open", "close"]].min(axis=1)).all()
    assert (daily["high"] >= daily[["open", "close"]].max(axis=1)).all()
    assert (daily["volume"] > 0).all()
    assert not daily.isna().any().any()
    assert not daily.duplicated(["symbol", "ts"]).any()
    assert (market.vix["high"] >= market.vix[["open", "close"]].max(axis=1)).all()
    assert (market.vix["low"] <= market.vix[["open", "close"]].min(axis=1)).all()


@pytest.mark.parametrize("signal", ["none", "regime"])
def test_the_same_settings_give_the_same_bits(signal):
    config = configured(signal=signal, minute_sessions=3, minute_symbols=3)
    first, second = (frames_of(simulate_market(config)) for _ in range(2))
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, second[name], check_exact=True)


def test_another_seed_gives_another_market():
    first, second = (simulate_market(configured(seed=seed)).daily for seed in (1, 2))
    assert not np.array_equal(wide(first, "close")["SIM01"], wide(second, "close")["SIM01"])


@pytest.mark.parametrize("signal", ["none", "linear", "regime"])
def test_appended_sessions_leave_the_market_before_them_bit_for_bit(signal):
    config = configured(signal=signal, minute_sessions=4, minute_symbols=4, n_symbols=20)
    base, longer = simulate_market(config), simulate_market(config, extra_sessions=23)
    last = base.vix["ts"].max()
    ends = {"oracle": ("session_date", last)}
    for name in ("daily", "vix", "oracle", "minute", "quotes"):
        column, end = ends.get(name, ("ts", last + pd.Timedelta(days=1)))
        shorter, cut = getattr(base, name), getattr(longer, name)
        cut = cut[cut[column] <= end].reset_index(drop=True)
        pd.testing.assert_frame_equal(shorter, cut, check_exact=True)
    assert longer.vix["ts"].nunique() == 300 + 23
    assert (longer.strength, longer.oracle_auc) == pytest.approx(
        (base.strength, base.oracle_auc), abs=0, nan_ok=True
    )
    pd.testing.assert_frame_equal(base.universe, longer.universe)
    pd.testing.assert_frame_equal(base.corporate_actions, longer.corporate_actions)


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("wanted", [0.58, 0.65])
def test_the_oracle_reaches_the_wanted_auc_on_labels_made_from_the_bars(signal, wanted):
    config = configured(signal=signal, oracle_auc=wanted, n_symbols=20, n_sessions=700)
    market = simulate_market(config)
    assert market.oracle_auc == pytest.approx(wanted, abs=0.002)
    assert oracle_auc_from_bars(market) == pytest.approx(market.oracle_auc, abs=0.002)


def test_an_oracle_no_signal_can_reach_is_refused_with_what_can_be_had():
    with pytest.raises(InputError, match="at most 0"):
        simulate_market(configured(signal="regime", oracle_auc=0.95))


def test_a_market_too_small_to_tell_a_weak_signal_from_chance_is_refused():
    tiny = {"n_symbols": 4, "n_sessions": 80, "seed": 5}
    with pytest.raises(InputError, match="by chance alone"):
        simulate_market(configured(signal="linear", oracle_auc=0.505, **tiny))


def test_null_and_planted_markets_differ_by_the_strength_of_the_signal_alone():
    null, planted = (simulate_market(configured(signal=signal)) for signal in ("none", "linear"))
    pd.testing.assert_series_equal(null.daily["volume"][:300], planted.daily["volume"][:300])
    pd.testing.assert_frame_equal(null.oracle, planted.oracle, check_exact=True)
    pd.testing.assert_frame_equal(null.vix, planted.vix, check_exact=True)
    assert null.strength == 0 < planted.strength
    assert np.isnan(null.oracle_auc)


def test_the_score_of_a_null_market_foretells_nothing():
    gaps = [
        oracle_auc_from_bars(simulate_market(configured(seed=seed, n_symbols=20, n_sessions=500)))
        - 0.5
        for seed in range(20)
    ]
    assert abs(np.mean(gaps)) < 3 * np.std(gaps) / np.sqrt(len(gaps))
    assert abs(np.mean(gaps)) < 0.01


def test_a_linear_score_can_be_read_from_the_bars_known_at_its_session():
    market = simulate_market(configured(signal="linear", n_sessions=400, n_symbols=20))
    bars = adjusted(market)
    close, low, high = (wide(bars, name) for name in ("close", "low", "high"))
    volume = wide(bars, "volume")
    place = (((close - low) / (high - low)) - 0.5) / 0.144
    crowd = np.log(volume / volume.rolling(60).mean()) / 0.434
    score = wide(market.oracle, "oracle_score", "session_date")
    habit = np.log(volume / volume.rolling(250, min_periods=60).mean())
    known = [part.sub(part.mean(axis=1), axis=0).stack() for part in (place, crowd, habit)]
    seen = pd.concat(known, axis=1).dropna()
    foreseen = score.stack().reindex(seen.index)
    weights, *_ = np.linalg.lstsq(seen.to_numpy(), foreseen.to_numpy(), rcond=None)
    assert np.corrcoef(seen.to_numpy() @ weights, foreseen)[0, 1] > 0.96


def test_a_long_market_shows_all_five_regimes_and_few_crashes():
    for seed in range(4):
        market = simulate_market(configured(seed=seed, n_symbols=30, n_sessions=2500))
        vix = market.vix["close"]
        index = wide(market.daily, "close")[market.toml["index_symbol"]]
        bands = [(vix < 15).mean(), vix.between(15, 25, "left").mean(), vix.between(25, 35).mean()]
        assert min(bands) > 0.04
        assert max(bands) < 0.75
        is_crash = ((index / index.rolling(11, min_periods=1).max() - 1) <= -0.15).to_numpy()
        is_crash |= (vix > 35).to_numpy()
        assert 0.005 < is_crash.mean() < 0.12
        first = int(np.argmax(is_crash))
        trough = index.iloc[first : first + 60].min()
        assert index.iloc[first : first + 120].max() >= 1.10 * trough


def test_volatility_clusters_and_answers_falls():
    market = simulate_market(configured(n_symbols=30, n_sessions=2500))
    index = wide(market.daily, "close")[market.toml["index_symbol"]]
    returns = np.log(index).diff().dropna()
    assert returns.abs().autocorr(1) > 0.1
    change = np.log(market.vix.set_index("ts")["close"]).diff().dropna()
    assert returns.corr(change) < -0.1
    symbol = market.daily[market.daily["symbol"] == "SIM01"]
    size = np.log(symbol["close"]).diff().abs()
    assert size.corr(np.log(symbol["volume"]), method="spearman") > 0.03


def test_markets_of_ten_symbols_have_a_delisting_a_late_listing_and_two_splits():
    market = simulate_market(configured())
    universe = market.universe.set_index("symbol")
    bars = market.daily.groupby("symbol")["ts"].agg(["min", "max"])
    assert universe["delisted_date"].notna().sum() == 1
    delisted = universe["delisted_date"].dropna()
    assert (bars.loc[delisted.index, "max"] == delisted).all()
    assert (universe["listed_date"] == bars["min"].reindex(universe.index)).all()
    assert (universe["listed_date"] > universe["listed_date"].min()).sum() == 1
    assert sorted(market.corporate_actions["ratio"]) == [2.0, 10.0]
    assert universe["kind"].value_counts().to_dict() == {"equity": 12, "etf": 1}


def test_a_split_divides_the_raw_price_and_multiplies_the_volume():
    market = simulate_market(configured())
    for symbol, ex_date, ratio in market.corporate_actions[
        ["symbol", "ex_date", "ratio"]
    ].itertuples(index=False):
        rows = market.daily[market.daily["symbol"] == symbol].set_index("ts")
        after = rows.index.get_loc(ex_date)
        jump = rows["close"].iloc[after - 1] / rows["open"].iloc[after]
        assert jump == pytest.approx(ratio, rel=0.15)


def test_the_index_is_the_mean_return_of_its_members():
    market = simulate_market(configured())
    returns = wide(adjusted(market), "close").pct_change(fill_method=None).mean(axis=1)
    index = wide(market.daily, "close")[market.toml["index_symbol"]].pct_change()
    np.testing.assert_allclose(index.iloc[1:], returns.iloc[1:], atol=1e-6)


def test_sessions_are_those_of_the_exchange_from_the_first_day_on():
    market = simulate_market(configured(first_session=date(2010, 1, 2)))
    calendar = session_table()["session_date"]
    shown = calendar[calendar >= "2010-01-02"].iloc[:300]
    assert (market.vix["ts"].to_numpy() == shown.to_numpy()).all()


def test_a_market_past_the_calendars_end_is_refused():
    with pytest.raises(ValueError, match="run past the calendar's end"):
        simulate_market(configured(first_session=date(2040, 1, 3)))


def test_every_symbol_has_a_sector_and_the_index_has_none():
    market = simulate_market(configured())
    assert set(market.sectors["symbol"]) == set(market.universe["symbol"]) - {"SIMX"}
    assert market.sectors["gics_sector"].nunique() == 3
