"""Feature values against TA-Lib, pandas and hand counts; the registry against itself."""

import functools

import numpy as np
import pandas as pd
import pytest
import talib
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.features.daily import KEYS, build_daily_features
from trading_pipeline.domain.features.kernels import rolling_mean, rolling_std, session_rank
from trading_pipeline.domain.features.registry import catalog_frame, feature_registry
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.features_market import FIRST, made_market

CONFIG = load_settings(environment={}).features
REGISTRY = feature_registry(CONFIG)


@functools.cache
def market():
    return made_market(n_symbols=8, n_sessions=450, seed=11)


@functools.cache
def features():
    return build_daily_features(**market(), registry=REGISTRY)


def bars_of(symbol):
    bars = market()["bars"]
    return bars[bars["symbol"] == symbol].reset_index(drop=True)


def features_of(symbol):
    made = features()
    return made[made["symbol"] == symbol].reset_index(drop=True)


def test_the_catalogue_names_the_columns_in_their_order():
    catalogue = catalog_frame(REGISTRY)
    assert list(features().columns) == [*KEYS, *catalogue["feature"]]
    assert len(catalogue) >= 110
    assert not (catalogue == "").any(axis=None)
    assert (catalogue["lookback_sessions"] >= 1).all()


def test_rows_are_the_equities_bars_alone():
    bars = market()["bars"]
    expected = bars[~bars["symbol"].isin(["ETF", "IDX"])].sort_values(["symbol", "session"])
    assert features()["symbol"].tolist() == expected["symbol"].tolist()
    assert features()["session"].tolist() == expected["session"].tolist()
    assert features().dtypes["known_at"] == "datetime64[ns, UTC]"


def test_a_window_listed_twice_is_refused():
    config = CONFIG.model_copy(update={"rsi_sessions": (7, 7)})
    with pytest.raises(ValueError, match="defined twice"):
        feature_registry(config)


def test_a_session_twice_is_refused():
    frames = market()
    twice = pd.concat([frames["bars"], frames["bars"].iloc[[4]]])
    with pytest.raises(ValueError, match="twice"):
        build_daily_features(**frames | {"bars": twice}, registry=REGISTRY)


def test_a_symbol_without_universe_row_is_refused():
    frames = market()
    with pytest.raises(ValueError, match="no universe row"):
        build_daily_features(
            **frames | {"universe": frames["universe"].iloc[1:]}, registry=REGISTRY
        )


def test_without_context_the_bars_still_have_features():
    frames = market()
    bare = {
        "bars": frames["bars"].query("symbol == 'AAA'"),
        "universe": frames["universe"],
        "regimes": frames["regimes"].iloc[:0],
        "vix": frames["vix"].iloc[:0],
        "sectors": frames["sectors"].iloc[:0],
    }
    alone = build_daily_features(**bare, registry=REGISTRY)
    around = {"market", "vix", "regime", "sector", "rank"}
    around |= {"news", "social", "options", "etf_flow", "schedule", "macro"}
    for feature in REGISTRY:
        enough = feature.lookback_sessions <= len(alone)
        has_values = alone[feature.name].notna().any()
        assert has_values == (enough and feature.family not in around), feature.name


def test_no_bars_make_an_empty_frame_with_all_columns():
    frames = market()
    none = build_daily_features(**frames | {"bars": frames["bars"].iloc[:0]}, registry=REGISTRY)
    assert len(none) == 0
    assert list(none.columns) == list(features().columns)


def test_indicators_are_those_of_talib_on_the_plain_prices():
    bars = bars_of("AAA")
    o, h, low, c, v = (bars[x].to_numpy() for x in ("open", "high", "low", "close", "volume"))
    upper, middle, bottom = talib.BBANDS(c, 20)
    macd, signal, hist = talib.MACD(c, 12, 26, 9)
    slow_k, slow_d = talib.STOCH(h, low, c, 14, 3, 0, 3, 0)
    rsi_k, rsi_d = talib.STOCHRSI(c, 14, 5, 3, 0)
    expected = {
        "rsi_14": talib.RSI(c, 14),
        "sma_distance_50": c / talib.SMA(c, 50) - 1,
        "ema_distance_20": c / talib.EMA(c, 20) - 1,
        "macd_12_26_9": macd / c,
        "macd_signal_12_26_9": signal / c,
        "macd_hist_12_26_9": hist / c,
        "bollinger_place_20": (c - bottom) / (upper - bottom),
        "bollinger_width_20": (upper - bottom) / middle,
        "atr_frac_14": talib.ATR(h, low, c, 14) / c,
        "adx_14": talib.ADX(h, low, c, 14),
        "plus_di_14": talib.PLUS_DI(h, low, c, 14),
        "cci_20": talib.CCI(h, low, c, 20),
        "williams_r_14": talib.WILLR(h, low, c, 14),
        "roc_12": talib.ROC(c, 12),
        "aroon_25": talib.AROONOSC(h, low, 25),
        "stochastic_k_14": slow_k,
        "stochastic_d_14": slow_d,
        "stochrsi_k_14": rsi_k,
        "stochrsi_d_14": rsi_d,
        "mfi_14": talib.MFI(h, low, c, v, 14),
        "obv_slope_20": talib.LINEARREG_SLOPE(talib.OBV(c, v), 20) / talib.SMA(v, 20),
        "bar_upper_shadow": (h - np.maximum(o, c)) / (h - low),
    }
    made = features_of("AAA")
    for name, values in expected.items():
        kept = made[name].notna().to_numpy()
        assert kept.sum() > 100, name
        np.testing.assert_allclose(made[name][kept], values[kept], rtol=1e-6, atol=1e-9)


def test_returns_and_volatility_are_those_of_pandas():
    made, bars = features_of("AAA"), bars_of("AAA")
    close, logs = bars["close"], np.log(bars["close"]).diff()
    expected = {
        "return_20": close.pct_change(20),
        "momentum_12_1": close.shift(21) / close.shift(252) - 1,
        "gap": bars["open"] / close.shift() - 1,
        "volatility_20": logs.rolling(20).std() * np.sqrt(252),
        "place_60": (close - close.rolling(60).min())
        / (close.rolling(60).max() - close.rolling(60).min()),
        "high_distance_252": close / close.rolling(252).max() - 1,
        "log_volume_ratio_20": np.log(bars["volume"] / bars["volume"].rolling(20).mean()),
        "max_return_20": close.pct_change().rolling(20).max(),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, rtol=1e-8, atol=1e-10, err_msg=name)


def test_a_split_is_neutral_to_returns_and_volume():
    at = features_of("BBB").set_index("session").loc[FIRST + 370 : FIRST + 390]
    assert len(at) == 21
    assert at["return_1"].abs().max() < 0.12
    assert at["log_volume_ratio_20"].abs().max() < 2.5


def test_beta_is_the_slope_of_paired_returns():
    pair = bars_of("AAA").merge(bars_of("IDX"), on="session", suffixes=("", "_index"))
    own, index = pair["close"].pct_change(), pair["close_index"].pct_change()
    beta = own.rolling(60).cov(index) / index.rolling(60).var()
    made = features_of("AAA")
    np.testing.assert_allclose(made["beta_60"], beta, rtol=1e-8)
    np.testing.assert_allclose(
        made["market_correlation_60"], own.rolling(60).corr(index), rtol=1e-8
    )
    relative = pair["close"].pct_change(20) - pair["close_index"].pct_change(20)
    np.testing.assert_allclose(made["relative_strength_20"], relative, rtol=1e-6, atol=1e-10)


def test_a_pause_compares_symbol_and_index_over_the_same_sessions():
    own, index = bars_of("DDD").set_index("session"), bars_of("IDX").set_index("session")
    before, after = FIRST + 110, FIRST + 130
    expected = (
        own["close"][after] / own["close"][before]
        - index["close"][after] / (index["close"][before])
    )
    made = features_of("DDD").set_index("session")["relative_strength_20"]
    assert made[after] == pytest.approx(expected, rel=1e-9)


def test_a_sector_return_leaves_the_symbol_out():
    made = features()
    at = made[made["session"] == FIRST + 200].set_index("symbol")
    sectors = market()["sectors"].set_index("symbol")["gics_sector"]
    peers = [s for s in at.index if sectors[s] == sectors["BBB"] and s != "BBB"]
    expected = at.loc[peers, "return_20"].mean()
    assert len(peers) >= 2
    assert at.loc["BBB", "sector_return_20"] == pytest.approx(expected)
    assert at.loc["BBB", "relative_to_sector_20"] == pytest.approx(
        at.loc["BBB", "return_20"] - expected
    )
    assert np.isnan(at.loc["AAA", "sector_return_20"])


def test_regime_flags_are_missing_where_the_regime_is_unknown():
    frames = market()
    regime = features()["session"].map(frames["regimes"].set_index("session")["regime"])
    flags = features().filter(like="is_regime_")
    assert flags[regime == "unknown"].isna().all(axis=None)
    assert (flags[regime != "unknown"].sum(axis=1) == 1).all()
    assert (features()["is_regime_crash"] == 1).equals(regime == "crash")


def test_a_day_without_vix_has_no_vix_level():
    levels = features_of("AAA").set_index("session")["vix_level"]
    vix = market()["vix"].set_index("session_date")["close"]
    assert levels[levels.isna()].index.tolist() == [FIRST + 70]
    assert np.array_equal(levels.dropna(), vix)


def test_the_last_session_of_a_month_has_none_left():
    made = features_of("AAA")
    month = made["session_date"].dt.to_period("M")
    is_last = month.ne(month.shift(-1)).iloc[:-1]
    assert (made["sessions_to_month_end"].iloc[:-1] == 0).equals(is_last)


numbers = st.lists(st.one_of(st.integers(-3, 3), st.just(None)), min_size=1, max_size=40)


@settings(max_examples=50, deadline=None)
@given(values=numbers, window=st.integers(2, 6))
def test_rolling_windows_agree_with_pandas(values, window):
    series = pd.Series(values, dtype="float64")
    position = np.arange(len(series))
    mean = rolling_mean(series.to_numpy(), position, window)
    std = rolling_std(series.to_numpy(), position, window)
    np.testing.assert_allclose(mean, series.rolling(window).mean(), atol=1e-12)
    np.testing.assert_allclose(std, series.rolling(window).std(), atol=1e-7)


@settings(max_examples=50, deadline=None)
@given(values=numbers, n_sessions=st.integers(1, 4))
def test_session_ranks_span_0_to_1_and_ties_share(values, n_sessions):
    series = pd.Series(values, dtype="float64")
    session = pd.Series(np.arange(len(series)) % n_sessions)
    order = np.argsort(session.to_numpy(), kind="stable")
    starts = np.searchsorted(session.to_numpy()[order], np.arange(n_sessions + 1))
    ranks = session_rank(series.to_numpy(), order, starts)
    grouped = series.groupby(session)
    counts = grouped.transform("count")
    expected = ((grouped.rank() - 1) / (counts - 1)).where(counts > 1)
    np.testing.assert_allclose(ranks, expected)
