"""Rows per CPU second of the daily features, beside plain pandas in the same run."""

import numpy as np

from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds
from trading_pipeline_tests.domain.features_market import made_market

COMPARED = (
    "return_20",
    "volatility_20",
    "volatility_60",
    "sma_distance_50",
    "place_60",
    "skewness_60",
    "log_volume_ratio_20",
    "rank_return_20",
)


def with_pandas(bars):
    """Return the compared features by groupby and rolling, as one would write them first."""
    bars = bars.sort_values(["symbol", "session"])
    by_symbol = bars.groupby("symbol")
    close = by_symbol["close"]
    logs = np.log(bars["close"] / close.shift()).groupby(bars["symbol"])
    made = bars[["symbol", "session"]].copy()
    made["return_20"] = close.pct_change(20, fill_method=None)
    for n in (20, 60):
        made[f"volatility_{n}"] = logs.transform(lambda s, n=n: s.rolling(n).std()) * 252**0.5
    made["sma_distance_50"] = bars["close"] / close.transform(lambda s: s.rolling(50).mean()) - 1
    low = close.transform(lambda s: s.rolling(60).min())
    high = close.transform(lambda s: s.rolling(60).max())
    made["place_60"] = (bars["close"] - low) / (high - low)
    made["skewness_60"] = logs.transform(lambda s: s.rolling(60).skew())
    mean = by_symbol["volume"].transform(lambda s: s.rolling(20).mean())
    made["log_volume_ratio_20"] = np.log((bars["volume"] / mean).where(bars["volume"] > 0))
    made["rank_return_20"] = made.groupby("session")["return_20"].rank(pct=True)
    return made


def features_measured(n_symbols=92, n_sessions=3000):
    """Return the lines of the features; compiling the kernels is a line of its own."""
    frames = made_market(n_symbols=n_symbols, n_sessions=n_sessions)
    registry = feature_registry(load_settings(environment={}).features)
    small = made_market(n_symbols=8, n_sessions=450)
    _, compiled = cpu_seconds(lambda: build_daily_features(**small, registry=registry))
    n_rows = int((~frames["bars"]["symbol"].isin(["ETF", "IDX"])).sum())
    chosen = tuple(feature for feature in registry if feature.name in COMPARED)
    _, plain = cpu_seconds(lambda: with_pandas(frames["bars"]))
    _, same = cpu_seconds(lambda: build_daily_features(**frames, registry=chosen))
    _, whole = cpu_seconds(lambda: build_daily_features(**frames, registry=registry))
    return [
        Measured(
            "features", "first call, kernels compiled or loaded", len(small["bars"]), compiled
        ),
        Measured("features", f"{len(chosen)} features, plain pandas", n_rows, plain),
        Measured(
            "features", f"{len(chosen)} features, ours", n_rows, same, plain / same, "plain pandas"
        ),
        Measured("features", f"all {len(registry)} features, ours", n_rows, whole),
    ]
