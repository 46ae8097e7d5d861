"""Rows per CPU second of the daily features, beside plain pandas in the same run."""

import numpy as np

from trading_pipeline.domain.features.bar_columns import bar_columns
from trading_pipeline.domain.features.daily import build_daily_features
from trading_pipeline.domain.features.factor_sets import FACTOR_SETS, TAIL_ROWS
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds
from trading_pipeline_tests.domain.alpha158_reference import alpha158_of
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


def factors_measured(n_symbols=100, n_sessions=3654, n_pandas=2):
    """Return the lines of the factor sets, computed whole and for one bar appended.

    800 symbols are the goals' size; pandas works on `n_pandas` symbols, and rates compare.
    """
    bars = made_market(n_symbols=n_symbols, n_sessions=n_sessions)["bars"]
    names = sorted(bars["symbol"].unique())
    few = bars[bars["symbol"].isin(names[-n_pandas:])]
    typical = (few["high"] + few["low"] + few["close"]) / 3
    own = [one for _, one in few.assign(vwap=typical).groupby("symbol")]
    _, all_of_pandas = cpu_seconds(lambda: [alpha158_of(one) for one in own])
    plain = {"alpha158": (all_of_pandas, len(few))}
    some = bars[bars["symbol"].isin(names[-10 * n_pandas :])]
    own = [one for _, one in some.groupby("symbol")]
    _, fourteen = cpu_seconds(lambda: [factors14_of(one) for one in own])
    plain["factors14"] = (fourteen, len(some))
    is_last = bars["session"] == bars["session"].max()
    before, last = bars[~is_last], bars[is_last]
    tail = bar_columns(before).tail(TAIL_ROWS)
    lines = []
    for chosen in FACTOR_SETS.values():
        _, kernels = cpu_seconds(lambda chosen=chosen: chosen.appended(tail, last, "float32"))
        how = "compiled" if chosen.kernels_were_compiled() else "loaded"
        # As the command does it, the block is computed in room that is there already.
        room = np.zeros(len(chosen.columns) * len(bars), dtype="float32")
        _, spent = cpu_seconds(
            lambda chosen=chosen, room=room: chosen.computed(bar_columns(bars), "float32", room)
        )
        _, appended = cpu_seconds(lambda chosen=chosen: chosen.appended(tail, last, "float32"))
        seconds, n_rows = plain[chosen.name]
        ratio = (len(bars) / spent) / (n_rows / seconds)
        slow = f"{chosen.name}, plain pandas on {n_rows:,} rows"
        lines += [
            Measured("features", f"{chosen.name}, kernels {how}", len(last), kernels),
            Measured("features", slow, n_rows, seconds),
            Measured("features", f"{chosen.name}, ours", len(bars), spent, ratio, "plain pandas"),
            Measured("features", f"{chosen.name}, one bar appended", len(last), appended),
        ]
    return lines


def factors14_of(bars):
    """Return the fourteen factors of one symbol, as one would write them with pandas."""
    c, v = bars["close"], bars["volume"]
    made = {}
    for d in (5, 20, 60):
        made[f"ROC{d}"] = c.shift(d) / c
        made[f"MA{d}"] = c.rolling(d).mean() / c
        made[f"STD{d}"] = c.rolling(d).std() / c
    highest, lowest = bars["high"].rolling(20).max(), bars["low"].rolling(20).min()
    made["MAX20"], made["MIN20"] = highest / c, lowest / c
    made["RSV20"] = (c - lowest) / (highest - lowest + 1e-12)
    made["CORR20"] = c.rolling(20).corr(np.log(v + 1))
    made["VMA20"] = v.rolling(20).mean() / (v + 1e-12)
    return made
