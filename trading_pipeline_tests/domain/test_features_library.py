"""The wide library against TA-Lib and plain pandas; how long its features remember their start."""

import functools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import talib
from talib import abstract

from trading_pipeline.domain.features.candles import PATTERNS
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.panel import Panel
from trading_pipeline.domain.features.registry import catalog_frame, feature_registry
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.features_market import FIRST, made_market

CONFIG = load_settings(environment={}).features
REGISTRY = {feature.name: feature for feature in feature_registry(CONFIG)}
# Groups whose values rest on a symbol's own bars alone.
OWN = [f for f in REGISTRY.values() if not any("." in name for name in f.inputs)]
OWN = [f for f in OWN if f.family != "rank"]
TOLERANCE = 1e-3


@functools.cache
def market():
    return made_market(n_symbols=8, n_sessions=1000, seed=23)


@functools.cache
def features():
    return build_daily_features(**market(), registry=tuple(REGISTRY.values()))


def bars_of(symbol):
    bars = market()["bars"]
    return bars[bars["symbol"] == symbol].reset_index(drop=True)


def features_of(symbol):
    made = features()
    return made[made["symbol"] == symbol].reset_index(drop=True)


def talib_values(o, h, low, c, v):
    """Return what TA-Lib says of one run of whole bars, by the feature's name."""
    aroon_down, aroon_up = talib.AROON(h, low, 20)
    made = {
        "adx_14": talib.ADX(h, low, c, 14),
        "plus_di_28": talib.PLUS_DI(h, low, c, 28),
        "minus_di_7": talib.MINUS_DI(h, low, c, 7),
        "trend_slope_20": talib.LINEARREG_SLOPE(c, 20) / c,
        "trend_distance_20": c / talib.LINEARREG(c, 20) - 1,
        "channel_distance_20": c / talib.MIDPRICE(h, low, 20) - 1,
        "aroon_up_20": aroon_up,
        "aroon_down_20": aroon_down,
        "aroon_25": talib.AROONOSC(h, low, 25),
        "wma_distance_20": c / talib.WMA(c, 20) - 1,
        "trima_distance_20": c / talib.TRIMA(c, 20) - 1,
        "dema_distance_20": c / talib.DEMA(c, 20) - 1,
        "tema_distance_20": c / talib.TEMA(c, 20) - 1,
        "t3_distance_5": c / talib.T3(c, 5) - 1,
        "kama_distance_10": c / talib.KAMA(c, 10) - 1,
        "trix_15": talib.TRIX(c, 15),
        "sar_distance": c / talib.SAR(h, low) - 1,
        "sma_ratio_50_200": talib.SMA(c, 50) / talib.SMA(c, 200) - 1,
        "cci_10": talib.CCI(h, low, c, 10),
        "ppo_12_26": talib.PPO(c, 12, 26, 0),
        "ultimate_7_14_28": talib.ULTOSC(h, low, c),
        "stochastic_fast_5": talib.STOCHF(h, low, c)[0],
        "power_balance_14": talib.SMA(talib.BOP(o, h, low, c), 14),
        "true_range_frac": talib.TRANGE(h, low, c) / c,
        "atr_frac_14": talib.NATR(h, low, c, 14) / 100,
        "keltner_place_20": (c - talib.EMA(c, 20)) / (2 * talib.ATR(h, low, c, 10)),
        "ad_slope_20": talib.LINEARREG_SLOPE(talib.AD(h, low, c, v), 20) / talib.SMA(v, 20),
        "chaikin_swing_3_10": talib.ADOSC(h, low, c, v) / talib.SMA(v, 20),
    }
    for name, (function, _, _) in PATTERNS.items():
        made[f"candle_{name}"] = np.sign(getattr(talib, function)(o, h, low, c))
    return {name: values.astype("float64") for name, values in made.items()}


def runs_of(bars):
    """Cut a symbol's bars at seams and at bars that lack volume, as TA-Lib must be fed."""
    lacks = bars["volume"].isna()
    number = (lacks | lacks.shift(fill_value=False) | bars["has_vendor_seam"]).cumsum()
    return [run for _, run in bars[~lacks].groupby(number[~lacks])]


@pytest.mark.parametrize("symbol", ["AAA", "BBB", "DDD", "EEE"])
def test_values_are_those_of_talib_on_each_whole_run_of_bars(symbol):
    made, compared = features_of(symbol), 0
    for run in runs_of(bars_of(symbol)):
        columns = ("open", "high", "low", "close", "volume")
        scale = run["adj_factor"].to_numpy()
        o, h, low, c = (run[x].to_numpy() * scale for x in columns[:4])
        for name, expected in talib_values(o, h, low, c, run["volume"].to_numpy() / scale).items():
            # A run that volume breaks goes on for features that do not read it.
            if "volume" not in REGISTRY[name].inputs and symbol == "EEE":
                continue
            values = made.loc[run.index, name].to_numpy()
            needed = REGISTRY[name].lookback_sessions - 1
            settled = np.arange(len(run)) >= needed
            assert np.isnan(values[~settled]).all(), name
            np.testing.assert_allclose(
                values[settled], expected[settled], rtol=1e-6, atol=1e-8, err_msg=name
            )
            compared += settled.sum()
    assert compared > 1000


def test_a_pattern_is_present_sometimes_and_in_both_directions_for_most():
    seen = {name: set(features()[f"candle_{name}"].dropna()) for name in PATTERNS}
    assert sum(len(values) > 1 for values in seen.values()) >= 14
    assert set().union(*seen.values()) == {-1.0, 0.0, 1.0}


def test_patterns_wait_for_the_bars_that_talib_reads():
    for function, lookback, _ in PATTERNS.values():
        assert lookback == abstract.Function(function).lookback + 1, function


def test_range_volatilities_are_those_of_the_papers():
    bars, made, n = bars_of("AAA"), features_of("AAA"), 20
    o, h, low, c = (np.log(bars[x]) for x in ("open", "high", "low", "close"))
    rs = (h - o) * (h - c) + (low - o) * (low - c)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    yz = (o - c.shift()).rolling(n).var() + k * (c - o).rolling(n).var()
    yz += (1 - k) * rs.rolling(n).mean()
    gk = 0.5 * (h - low) ** 2 - (2 * np.log(2) - 1) * (c - o) ** 2
    expected = {
        "parkinson": ((h - low) ** 2).rolling(n).mean() / (4 * np.log(2)),
        "garman_klass": gk.rolling(n).mean(),
        "rogers_satchell": rs.rolling(n).mean(),
        "yang_zhang": yz,
    }
    for name, variance in expected.items():
        np.testing.assert_allclose(
            made[f"{name}_volatility_{n}"], np.sqrt(variance * 252), rtol=1e-8, err_msg=name
        )


def test_flows_and_spans_are_those_of_pandas():
    bars, made = bars_of("AAA"), features_of("AAA")
    c, v, h, low = bars["close"], bars["volume"], bars["high"], bars["low"]
    change = c.pct_change()
    typical = (h + low + c) / 3
    pressed = (2 * c - h - low) / (h - low) * v
    log = np.log(c).diff()
    expected = {
        "money_flow_20": pressed.rolling(20).sum() / v.rolling(20).sum(),
        "vwap_distance_20": c / ((typical * v).rolling(20).sum() / v.rolling(20).sum()) - 1,
        "volume_z_20": (v - v.rolling(20).mean()) / v.rolling(20).std(),
        "force_20": (change * v).rolling(20).sum() / v.rolling(20).sum(),
        "signed_volume_20": (np.sign(change) * v).rolling(20).sum() / v.rolling(20).sum(),
        "momentum_12_7": c.shift(147) / c.shift(252) - 1,
        "reversal_36_12": c.shift(252) / c.shift(756) - 1,
        "same_month_last_year": c.shift(231) / c.shift(252) - 1,
        "overnight_momentum_20": np.log(bars["open"] / c.shift()).rolling(20).sum(),
        "autocorrelation_60": log.rolling(60).corr(log.shift()),
        "up_share_20": (change > 0).where(change.notna()).astype(float).rolling(20).mean(),
        "return_to_risk_60": log.rolling(60).mean() / log.rolling(60).std(),
        "trend_fit_20": c.rolling(20).corr(pd.Series(np.arange(len(c), dtype=float))),
        "efficiency_20": c.diff(20) / c.diff().abs().rolling(20).sum(),
    }
    for name, values in expected.items():
        lookback = REGISTRY[name].lookback_sessions
        np.testing.assert_allclose(
            made[name].iloc[lookback:], values.iloc[lookback:], rtol=1e-6, atol=1e-9, err_msg=name
        )


def test_a_streak_counts_bars_of_one_direction():
    close = bars_of("AAA")["close"]
    sign = np.sign(close.diff())
    length = sign.groupby((sign != sign.shift()).cumsum()).cumcount() + 1
    expected = (sign * length.clip(upper=10)).iloc[11:]
    np.testing.assert_array_equal(features_of("AAA")["streak"].iloc[11:], expected)


def test_relations_to_index_and_sector_are_those_of_pandas():
    pair = bars_of("AAA").merge(bars_of("IDX"), on="session", suffixes=("", "_index"))
    own, index = pair["close"].pct_change(), pair["close_index"].pct_change()
    beta = own.rolling(252).cov(index) / index.rolling(252).var()
    expected = {
        "relative_strength_120": pair["close"].pct_change(120)
        - pair["close_index"].pct_change(120),
        "relative_volatility_60": np.log(own.rolling(60).std() / index.rolling(60).std()),
        "idiosyncratic_return_60": pair["close"].pct_change(60)
        - beta * pair["close_index"].pct_change(60),
        "index_lead_60": own.rolling(60).corr(index.shift()),
        "downside_beta_252": (own * index.clip(upper=0)).rolling(252).mean()
        / (index.clip(upper=0) ** 2).rolling(252).mean(),
        "index_drawdown_252": pair["close_index"] / pair["close_index"].rolling(252).max() - 1,
    }
    made = features_of("AAA")
    for name, values in expected.items():
        np.testing.assert_allclose(made[name], values, rtol=1e-6, atol=1e-9, err_msg=name)
    at = features()[features()["session"] == FIRST + 600].set_index("symbol")
    sectors = market()["sectors"].set_index("symbol")["gics_sector"]
    peers = [s for s in at.index if sectors[s] == sectors["BBB"] and s != "BBB"]
    assert at.loc["BBB", "volatility_20_to_sector"] == pytest.approx(
        at.loc["BBB", "volatility_20"] - at.loc[peers, "volatility_20"].mean()
    )


def test_vix_is_compared_with_its_own_past():
    vix = market()["vix"]["close"].reset_index(drop=True)
    logs = np.log(vix)
    z = (logs - logs.rolling(60).mean()) / logs.rolling(60).std()
    made = features_of("AAA")
    present = made["vix_level"].notna()
    np.testing.assert_allclose(made.loc[present, "vix_z_60"], z, rtol=1e-7, atol=1e-9)
    term = vix.rolling(5).mean() / vix.rolling(60).mean() - 1
    np.testing.assert_allclose(made.loc[present, "vix_term_5_60"], term, rtol=1e-7, atol=1e-9)


@functools.cache
def own_values(seed, start):
    """Return every own feature of one symbol, its warm-up shown, from a bar on."""
    bars = made_market(n_symbols=6, n_sessions=1500, seed=seed)["bars"]
    panel = Panel(bars[bars["symbol"] == "AAA"].reset_index(drop=True).iloc[start:])
    return {f.name: panel.value(replace(f, lookback_sessions=1)) for f in OWN}


@pytest.mark.parametrize(("seed", "start"), [(0, 40), (1, 333)])
def test_after_its_lookback_a_feature_has_forgotten_where_its_bars_began(seed, start):
    whole, late = own_values(seed, 0), own_values(seed, start)
    for feature in OWN:
        settled, values = whole[feature.name][start:], late[feature.name]
        gap = np.abs(values - settled)[feature.lookback_sessions - 1 :]
        assert gap.size > 100
        spread = np.nanstd(whole[feature.name])
        assert np.nanmax(gap) <= TOLERANCE * spread, feature.name
        same = np.isnan(values) == np.isnan(settled)
        assert same[feature.lookback_sessions - 1 :].all(), feature.name


def test_an_ema_of_twenty_is_missing_at_thirty_bars_and_wrong_there_without_a_lookback():
    whole, late = own_values(1, 0), own_values(1, 333)
    gap = np.abs(late["ema_distance_20"][29] - whole["ema_distance_20"][333 + 29])
    assert gap > TOLERANCE * np.nanstd(whole["ema_distance_20"])
    assert REGISTRY["ema_distance_20"].lookback_sessions > 30


def test_the_daily_library_has_at_least_two_hundred_features_of_many_families():
    catalogue = catalog_frame(tuple(REGISTRY.values()))
    assert len(catalogue) >= 200
    assert catalogue["family"].nunique() >= 18
    assert (catalogue["stage"] == "daily").all()
    assert set(catalogue["window_group"].dropna()) >= {"adx 14", "range 60", "flow 10"}
