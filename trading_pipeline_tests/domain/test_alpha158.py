"""Alpha158 and the fourteen factors against their published formulas, and against themselves."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.features import alpha158, factors14
from trading_pipeline.domain.features.bar_columns import bar_columns
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.factor_sets import FACTOR_SETS, TAIL_ROWS
from trading_pipeline_tests.domain.alpha158_reference import alpha158_of
from trading_pipeline_tests.domain.features_market import FIRST, MARKET, made_market, real_market

SETS = tuple(FACTOR_SETS.values())


@functools.cache
def made_bars():
    """Bars with a split, gaps, a seam, a listing, halts, closes alone, and a flat spell."""
    bars = made_market(n_symbols=8, n_sessions=402)["bars"]
    at = bars["session"] - FIRST
    halted = bars["symbol"].eq("S000") & at.between(100, 112)
    bars.loc[halted, "volume"] = 0.0
    frozen = bars.loc[bars["symbol"].eq("S000") & at.eq(99), "close"].iloc[0]
    bars.loc[halted, ["open", "high", "low", "close"]] = frozen
    ticks = bars["symbol"].eq("S001")
    prices = ["open", "high", "low", "close"]
    bars.loc[ticks, prices] = bars.loc[ticks, prices].round(0)
    even = ticks & at.between(200, 290)
    bars.loc[even, "volume"] = 5000.0
    return bars.reset_index(drop=True)


def frame_of(chosen, bars, **settings):
    """Return symbol, session and the set's columns."""
    columns = bar_columns(bars)
    frame = pd.DataFrame(chosen.computed(columns, **settings).T, columns=list(chosen.columns))
    frame.insert(0, "symbol", columns.symbols[columns.code])
    frame.insert(1, "session", columns.session)
    return frame


def published(bars):
    """Return the reference of all symbols, segment by segment, on relative prices and shares."""
    parts = []
    bars = bars.sort_values(["symbol", "session"], ignore_index=True)
    starts = bars["symbol"].ne(bars["symbol"].shift()) | bars["has_vendor_seam"]
    for _, own in bars.groupby(starts.cumsum()):
        factor = own["adj_factor"] / own["adj_factor"].iloc[0]
        prices = own[["open", "high", "low", "close"]].mul(factor, axis=0) / own["close"].iloc[0]
        shares = own["volume"] / factor.where(own["prices"] == "raw", 1.0)
        typical = (prices["high"] + prices["low"] + prices["close"]) / 3
        made = alpha158_of(prices.assign(volume=shares, vwap=typical))
        parts.append(pd.concat([own[["symbol", "session"]], made], axis=1))
    return pd.concat(parts, ignore_index=True)


def assert_equal_to_published(made, expected):
    assert made["symbol"].tolist() == expected["symbol"].tolist()
    assert made["session"].tolist() == expected["session"].tolist()
    for name in made.columns[2:]:
        values, wanted = made[name].to_numpy(), expected[name].to_numpy()
        assert np.array_equal(np.isnan(values), np.isnan(wanted)), name
        np.testing.assert_allclose(values, wanted, rtol=1e-6, atol=1e-10, err_msg=name)


def test_the_names_are_those_of_qlib_in_its_order():
    assert len(alpha158.NAMES) == len(set(alpha158.NAMES)) == 158
    assert alpha158.NAMES[:3] == ("KMID", "KLEN", "KMID2")
    assert alpha158.NAMES[12:15] == ("VWAP0", "ROC5", "ROC10")
    assert alpha158.NAMES[-1] == "VSUMD60"
    assert set(factors14.NAMES) < set(alpha158.NAMES)


@pytest.mark.parametrize("chosen", SETS, ids=lambda s: s.name)
def test_made_bars_have_the_published_values(chosen):
    expected = published(made_bars())
    made = frame_of(chosen, made_bars())
    assert made.iloc[:, 2:].notna().any().all()
    assert_equal_to_published(made, expected[list(made.columns)])


@pytest.mark.skipif(not MARKET.exists(), reason="the real market folder is not here")
@pytest.mark.parametrize("chosen", SETS, ids=lambda s: s.name)
def test_real_bars_with_gaps_halts_and_listings_have_the_published_values(chosen):
    bars = real_bars()
    made = frame_of(chosen, bars)
    assert_equal_to_published(made, published(bars)[list(made.columns)])


@functools.cache
def real_bars():
    """Real daily bars of four symbols, the last of which lists late; gaps and halts are cut in."""
    bars = real_market(4)["bars"]
    bars = bars[bars["session_date"].between("2007-01-01", "2010-12-31")]
    rows = bars.groupby("symbol").cumcount()
    symbols = sorted(bars["symbol"].unique())
    gone = bars["symbol"].eq(symbols[0]) & rows.between(300, 320)
    gone |= bars["symbol"].eq(symbols[1]) & rows.lt(500)
    bars = bars.assign(volume=bars["volume"].astype(float))
    bars.loc[bars["symbol"].eq(symbols[2]) & rows.between(400, 406), "volume"] = 0.0
    return bars[~gone].reset_index(drop=True)


@pytest.mark.parametrize("chosen", SETS, ids=lambda s: s.name)
@pytest.mark.parametrize("n_new", [1, 3, 70])
def test_an_appended_bar_has_the_bits_of_recomputation(chosen, n_new):
    bars = made_bars()
    last = bars["session"].max()
    is_new = bars["session"] > last - n_new
    # A symbol lists with the new bars, and one passes a seam in them.
    is_new |= bars["symbol"] == "S001"
    seam = bars["symbol"].eq("EEE") & bars["session"].eq(last)
    bars = bars.assign(has_vendor_seam=bars["has_vendor_seam"] | seam)
    tail = bar_columns(bars[~is_new]).tail(TAIL_ROWS)
    new, block, _ = chosen.appended(tail, bars[is_new])
    whole = frame_of(chosen, bars)
    kept = is_new[bars.sort_values(["symbol", "session"]).index].to_numpy()
    assert np.array_equal(whole["session"][kept], new.session)
    assert np.array_equal(whole.iloc[:, 2:][kept].to_numpy(), block.T, equal_nan=True)


@pytest.mark.parametrize("chosen", SETS, ids=lambda s: s.name)
def test_bars_appended_one_by_one_have_the_bits_of_recomputation(chosen):
    bars = made_bars()
    start = FIRST + 390
    tail = bar_columns(bars[bars["session"] < start]).tail(TAIL_ROWS)
    whole = frame_of(chosen, bars)
    for session in range(start, FIRST + 402):
        _, block, tail = chosen.appended(tail, bars[bars["session"] == session])
        expected = whole[whole["session"] == session].iloc[:, 2:].to_numpy()
        assert np.array_equal(expected, block.T, equal_nan=True)
        assert tail.size <= TAIL_ROWS * len(tail.symbols)


def test_a_bar_that_is_not_new_cannot_be_appended():
    bars = made_bars()
    tail = bar_columns(bars).tail(TAIL_ROWS)
    with pytest.raises(ValueError, match="after the history"):
        SETS[0].appended(tail, bars[bars["session"] == bars["session"].max()])


@pytest.mark.parametrize("chosen", SETS, ids=lambda s: s.name)
def test_neither_order_nor_chunks_nor_threads_change_a_bit(chosen):
    bars = made_bars()
    whole = frame_of(chosen, bars)
    shuffled = frame_of(chosen, bars.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(whole, shuffled, check_exact=True)
    parts = [own for _, own in bars.groupby("symbol")]
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(functools.partial(frame_of, chosen), parts))
    pd.testing.assert_frame_equal(whole, pd.concat(made, ignore_index=True), check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    ticks=st.lists(st.integers(-2, 2), min_size=62, max_size=150),
    volumes=st.lists(st.sampled_from([0.0, 1.0, 5e3, 2e7, np.nan]), min_size=150, max_size=150),
)
def test_coarse_prices_and_wild_volumes_have_the_published_values(ticks, volumes):
    close = 40.0 + np.abs(np.cumsum(ticks)) * 0.5
    n = len(close)
    bars = made_bars().query("symbol == 'AAA'").iloc[:n].copy()
    for name, gap in (("open", 0.0), ("high", 0.5), ("low", -0.5), ("close", 0.0)):
        bars[name] = close + gap
    bars["volume"] = volumes[:n]
    expected = published(bars)
    for chosen in SETS:
        made = frame_of(chosen, bars)
        for name in chosen.columns:
            values, wanted = made[name].to_numpy(), expected[name].to_numpy()
            kept = ~np.isnan(values)
            assert not (kept & np.isnan(wanted)).any(), name
            np.testing.assert_allclose(
                values[kept], wanted[kept], rtol=1e-6, atol=1e-10, err_msg=name
            )


def test_a_vendor_s_own_vwap_is_used_where_it_is_given():
    bars = made_bars().query("symbol == 'AAA'").reset_index(drop=True)
    bars["vwap"] = np.where(bars.index % 2, bars["close"] * 1.01, np.nan)
    made = frame_of(SETS[0], bars)["VWAP0"]
    typical = (bars["high"] + bars["low"] + bars["close"]) / 3 / bars["close"]
    np.testing.assert_allclose(made, np.where(bars.index % 2, 1.01, typical), rtol=1e-12)


def test_the_registered_features_are_the_set_s_values():
    frames = made_market(n_symbols=8, n_sessions=402)
    registered = build_daily_features(**frames, registry=alpha158.alpha158_features())
    equities = frames["bars"][~frames["bars"]["symbol"].isin(["ETF", "IDX"])]
    whole = frame_of(SETS[0], equities, precision="float32")
    volume = equities.sort_values(["symbol", "session"], ignore_index=True)["volume"]
    before = volume.isna().groupby(whole["symbol"]).shift(fill_value=True)
    for name in alpha158.NAMES:
        expected = whole[name].to_numpy()
        if name.startswith(alpha158.OVER_VOLUME):
            expected = np.where(volume > 0, expected, np.nan)
        if name.startswith("WVMA"):
            # The registry counts a feature's lookback over bars that have all its inputs.
            first = before.shift(int(name.removeprefix("WVMA")) - 1, fill_value=True)
            expected = np.where(first, np.nan, expected)
        np.testing.assert_array_equal(registered[name].to_numpy("float32"), expected, err_msg=name)
