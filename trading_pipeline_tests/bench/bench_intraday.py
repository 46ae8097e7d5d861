"""Minutes per CPU second of the intraday features, beside plain pandas and TA-Lib.

`python -m trading_pipeline_tests.bench.bench_intraday 10_000_000` measures as many minutes alone.
"""

import sys

import numpy as np
import pandas as pd
import talib

from trading_pipeline.domain.bars.minutes import INTERVALS_MINUTES
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.features.intraday import (
    CHUNK_MINUTES,
    IntradayState,
    Minutes,
    intraday_chunks,
)
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds

SESSION_MINUTES = 390
N_SESSIONS = 60
N_INDICATORS = 8
PLAIN_MINUTES = 500_000
NANOSECONDS = 60_000_000_000


def made_minutes(n_minutes):
    """Return about so many sorted minutes of random walks: every minute of 60 sessions traded."""
    table = session_table()
    whole = table[~table["is_half_day"]].iloc[9000 : 9000 + N_SESSIONS]
    opens = pd.DatetimeIndex(whole["opens_at"]).as_unit("ns").astype("int64").to_numpy()
    one = (opens[:, None] + np.arange(SESSION_MINUTES) * NANOSECONDS).ravel()
    n_symbols = max(1, n_minutes // one.size)
    rng = np.random.default_rng(7)
    shape = (n_symbols, one.size)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 6e-4, shape), axis=1))
    begin = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    high = np.maximum(begin, close) * (1 + rng.uniform(0, 5e-4, shape))
    low = np.minimum(begin, close) * (1 - rng.uniform(0, 5e-4, shape))
    volume = np.round(np.exp(rng.normal(7, 1, shape)))
    return Minutes(
        [f"S{number:04d}" for number in range(n_symbols)],
        np.arange(n_symbols + 1, dtype="int64") * one.size,
        np.tile(one, n_symbols),
        tuple(values.ravel() for values in (begin, high, low, close, volume)),
    )


def part_of(minutes, first, last):
    """Return the minutes of the symbols [first, last)."""
    return minutes._replace(
        symbols=minutes.symbols[first:last], begins=minutes.begins[first : last + 1]
    )


def as_frame(minutes):
    """Return minutes in the columns of bars.minute."""
    n_rows = np.diff(minutes.begins)
    rows = slice(int(minutes.begins[0]), int(minutes.begins[-1]))
    names = ("open", "high", "low", "close", "volume")
    columns = {name: values[rows] for name, values in zip(names, minutes.prices, strict=True)}
    at = pd.DatetimeIndex(minutes.ts[rows], tz="UTC")
    return pd.DataFrame({"symbol": np.repeat(minutes.symbols, n_rows), "opens_at": at, **columns})


def with_pandas(frame):
    """Return the eight indicators at four intervals, as one would write them first."""
    made = []
    day = frame["opens_at"].dt.floor("D")
    typical = (frame["high"] + frame["low"] + frame["close"]) / 3
    by_day = [frame["symbol"], day]
    flow = (typical * frame["volume"]).groupby(by_day).cumsum()
    frame = frame.assign(vwap=flow / frame.groupby(by_day)["volume"].cumsum())
    for interval in INTERVALS_MINUTES:
        # Sessions open at half past: bars of an hour begin there.
        begin = frame["opens_at"].dt.floor(f"{interval}min")
        if interval == 60:
            half = pd.Timedelta(minutes=30)
            begin = (frame["opens_at"] - half).dt.floor("60min") + half
        bars = frame.groupby(["symbol", begin], sort=False).agg(
            open=("open", "first"),
            high=("high", "max"),
            low=("low", "min"),
            close=("close", "last"),
            volume=("volume", "sum"),
            vwap=("vwap", "last"),
        )
        for _, own in bars.groupby(level="symbol", sort=False):
            made.append(_indicators(own))
    return pd.concat(made)


def _indicators(bars):
    high, low, close, volume = (
        bars[name].to_numpy("float64") for name in ("high", "low", "close", "volume")
    )
    upper, middle, lower = talib.BBANDS(close, timeperiod=20)
    line, _, histogram = talib.MACD(close)
    place, mean = talib.STOCHRSI(close, timeperiod=14, fastk_period=14, fastd_period=3)
    change = pd.Series(talib.OBV(close, volume), bars.index).diff(20)
    return pd.DataFrame(
        {
            "vwap_distance": close / bars["vwap"] - 1,
            "atr_14": talib.ATR(high, low, close) / close,
            "rsi_14": talib.RSI(close),
            "stoch_rsi": place,
            "stoch_rsi_mean": mean,
            "bollinger_place_20": (close - lower) / (upper - lower),
            "bollinger_width_20": (upper - lower) / middle,
            "macd": line / close,
            "macd_hist": histogram / close,
            "obv_change_20": change / bars["volume"].rolling(20).sum(),
            "mfi_14": talib.MFI(high, low, close, volume),
        },
        index=bars.index,
    )


def intraday_measured(n_minutes=1_000_000):
    """Return the lines of the intraday features; frames and files are measured apart."""
    config = load_settings(environment={}).features.intraday
    minutes = made_minutes(n_minutes)
    n_rows, per_symbol = int(minutes.begins[-1]), int(minutes.begins[1])
    _, compiled = cpu_seconds(lambda: IntradayState(config).advance_sorted(part_of(minutes, 0, 1)))
    step = max(1, CHUNK_MINUTES // per_symbol)

    def compute():
        n_features = 0
        for first in range(0, len(minutes.symbols), step):
            closed = IntradayState(config).advance_sorted(part_of(minutes, first, first + step))
            n_features = closed.values.shape[1]
        return n_features

    n_features, computing = cpu_seconds(compute)
    few = as_frame(part_of(minutes, 0, max(1, PLAIN_MINUTES // per_symbol)))
    _, framed = cpu_seconds(lambda: sum(len(chunk) for chunk in intraday_chunks(few, config)))
    _, plain = cpu_seconds(lambda: with_pandas(few))
    rate, plain_rate = n_rows / computing, len(few) / plain
    cut = int(minutes.ts[per_symbol - 1])
    appended = _append(IntradayState(config), minutes, cut)
    four = f"{len(INTERVALS_MINUTES)} timeframes"
    return [
        Measured("intraday", "first call, kernels compiled or loaded", per_symbol, compiled),
        Measured(
            "intraday", f"{N_INDICATORS} indicators x {four}, pandas, TA-Lib", len(few), plain
        ),
        Measured(
            "intraday",
            f"{n_features} features x {four}, arrays",
            n_rows,
            computing,
            rate / plain_rate,
            "pandas, TA-Lib",
        ),
        Measured(
            "intraday", f"{n_features} features x {four}, from and to frames", len(few), framed
        ),
        Measured("intraday", "one minute that closes every bar", len(minutes.symbols), appended),
    ]


def _append(live, minutes, cut):
    """Return the CPU seconds of taking the last minute of every symbol."""
    per_symbol = int(minutes.begins[1])
    rows = minutes.begins[1:] - 1
    history = minutes._replace(
        begins=np.arange(len(minutes.symbols) + 1) * (per_symbol - 1),
        ts=np.delete(minutes.ts, rows),
        prices=tuple(np.delete(values, rows) for values in minutes.prices),
    )
    live.advance_sorted(history, cut)
    newest = minutes._replace(
        begins=np.arange(len(minutes.symbols) + 1),
        ts=minutes.ts[rows],
        prices=tuple(values[rows] for values in minutes.prices),
    )
    frame = as_frame(newest)
    until = pd.Timestamp(cut + NANOSECONDS, tz="UTC")
    rows, spent = cpu_seconds(lambda: live.advance(frame, until))
    assert len(rows) == len(INTERVALS_MINUTES) * len(minutes.symbols)
    return spent


if __name__ == "__main__":
    for line in intraday_measured(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        ratio = f"  {line.ratio:.1f} x {line.against}" if line.ratio else ""
        print(f"{line.work:60} {line.n_rows:>12,} rows {line.cpu_seconds:8.3f} CPU s{ratio}")
