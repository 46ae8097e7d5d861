"""Rows per CPU second of the daily features, beside plain pandas in the same run."""

import resource
import time

import numpy as np

from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.settings import load_settings
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
    made["log_volume_ratio_20"] = np.log(bars["volume"] / mean)
    made["rank_return_20"] = made.groupby("session")["return_20"].rank(pct=True)
    return made


def cpu_seconds(work):
    """Return the CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main():
    """Print the rates."""
    frames = made_market(n_symbols=92, n_sessions=3000)
    registry = feature_registry(load_settings(environment={}).features)
    small = made_market(n_symbols=8, n_sessions=450)
    compiled = cpu_seconds(lambda: build_daily_features(**small, registry=registry))
    print(f"features  first call, kernels compiled or loaded: {compiled:.2f} CPU s")

    n_rows = int((~frames["bars"]["symbol"].isin(["ETF", "IDX"])).sum())
    chosen = tuple(feature for feature in registry if feature.name in COMPARED)
    runs = (
        ("plain pandas", len(chosen), lambda: with_pandas(frames["bars"])),
        ("ours", len(chosen), lambda: build_daily_features(**frames, registry=chosen)),
        ("ours", len(registry), lambda: build_daily_features(**frames, registry=registry)),
    )
    for name, n_features, work in runs:
        seconds = cpu_seconds(work)
        print(
            f"features  {name:12} {n_features:4d} features x {n_rows:,} rows: {seconds:6.2f} CPU s,"
            f" {n_rows / seconds:12,.0f} rows/s, {n_rows * n_features / seconds:14,.0f} values/s"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"features  peak memory of the process: {peak:,.0f} MiB")


if __name__ == "__main__":
    main()
