"""What half a spread costs by time of the session: measured from quotes, else modelled.

Model: market microstructure invariance. With daily volatility v and W = v x traded dollars, the
spread in units of price grows as v x W^(-1/3), so as v^(2/3) x dollars^(-1/3). Source: Kyle and
Obizhaeva, *Market Microstructure Invariance: Empirical Hypotheses*, Econometrica 84 (2016), whose
benchmark stock trades 40 million dollars a day at 2 % daily volatility. By time of the session the
spread falls steeply after the open and rises a little before the close: McInish and Wood, *An
Analysis of Intraday Patterns in Bid/Ask Spreads*, Journal of Finance 47 (1992).
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import SpreadsConfig

SPREAD_COLUMNS = (
    "symbol",
    "bucket_minute",
    "bucket_minutes",
    "half_spread_bps",
    "half_spread_high_bps",
    "n_quotes",
    "n_unusable",
    "source",
    "known_at",
)
# What `spread_table` is given where the source has no quotes.
NO_QUOTES = pd.DataFrame(
    {
        "symbol": pd.Series(dtype="object"),
        "bucket_minute": pd.Series(dtype="int64"),
        "half_spread_bps": pd.Series(dtype="float64"),
        "half_spread_high_bps": pd.Series(dtype="float64"),
        "n_quotes": pd.Series(dtype="int64"),
        "n_unusable": pd.Series(dtype="int64"),
        "known_at": pd.Series(dtype="datetime64[ns, UTC]"),
    }
)
BENCHMARK_TRADED_USD = 40e6
BENCHMARK_VOLATILITY = 0.02
SESSION_MINUTES = 390
# SEC Rule 612: prices of a dollar and more move in cents, lower ones in hundredths of a cent.
TICK_USD, SMALL_TICK_USD, SMALL_BELOW_USD = 0.01, 0.0001, 1.0


def spread_table(
    measured: pd.DataFrame, inputs: pd.DataFrame, config: SpreadsConfig
) -> pd.DataFrame:
    """Return the columns of `bars.spreads`, sorted by symbol and bucket.

    A bucket with `config.min_quotes` usable quotes takes its median and upper quantile from them;
    the others take the model's value and have no quantile. A symbol without either is left out.

    Args:
        measured: symbol, bucket_minute, half_spread_bps, half_spread_high_bps, n_quotes,
            n_unusable, known_at, one row per symbol and bucket with quotes.
        inputs: As of `modelled_spreads`.
        config: Buckets, quantile and constants of the model.
    """
    model = modelled_spreads(inputs, config)
    keys = ["symbol", "bucket_minute"]
    both = model.merge(measured, on=keys, how="outer", suffixes=("_model", ""))
    n_quotes = both["n_quotes"].fillna(0).astype("int64")
    is_measured = n_quotes >= config.min_quotes
    table = pd.DataFrame(
        {
            **{name: both[name] for name in keys},
            "bucket_minutes": config.bucket_minutes,
            "half_spread_bps": both["half_spread_bps"].where(
                is_measured, both["half_spread_bps_model"]
            ),
            "half_spread_high_bps": both["half_spread_high_bps"].where(is_measured),
            "n_quotes": n_quotes,
            "n_unusable": both["n_unusable"].fillna(0).astype("int64"),
            "source": np.where(is_measured, "quotes", "model"),
            "known_at": both["known_at"].where(is_measured, both["known_at_model"]),
        },
        columns=list(SPREAD_COLUMNS),
    )
    known = table[table["half_spread_bps"].notna()]
    return known.sort_values(keys, ignore_index=True)


def modelled_spreads(inputs: pd.DataFrame, config: SpreadsConfig) -> pd.DataFrame:
    """Return symbol, bucket_minute, half_spread_bps, known_at: every symbol in every bucket.

    Args:
        inputs: symbol, price_usd (as traded; NaN: no raw price known), traded_usd (dollars per
            session), volatility (1 per session), known_at; one row per symbol.
        config: Constants of the model, measured on quotes.

    Never below half a tick, where a raw price says what a tick is.
    """
    minutes = np.arange(0, SESSION_MINUTES, config.bucket_minutes)
    level = (
        config.model_reference_bps
        * (inputs["volatility"].to_numpy("float64") / BENCHMARK_VOLATILITY) ** (2 / 3)
        * (inputs["traded_usd"].to_numpy("float64") / BENCHMARK_TRADED_USD) ** (-1 / 3)
    )
    values = level[:, None] * time_of_day_shape(minutes, config)[None, :]
    floor = half_tick_bps(inputs["price_usd"].to_numpy("float64"))
    values = np.fmax(values, floor[:, None])
    n = len(minutes)
    return pd.DataFrame(
        {
            "symbol": inputs["symbol"].repeat(n).to_numpy(object),
            "bucket_minute": np.tile(minutes.astype("int64"), len(inputs)),
            "half_spread_bps": values.ravel(),
            "known_at": inputs["known_at"].repeat(n).array,
        }
    )


def time_of_day_shape(minutes: NDArray[np.int64], config: SpreadsConfig) -> NDArray[np.float64]:
    """Return the spread of buckets that start at `minutes`, over its mean of a whole session."""
    middle = minutes.astype("float64") + config.bucket_minutes / 2
    whole = np.arange(SESSION_MINUTES, dtype="float64") + 0.5
    shape: NDArray[np.float64] = _raw_shape(middle, config) / _raw_shape(whole, config).mean()
    return shape


def shape_by_minute(config: SpreadsConfig) -> NDArray[np.float64]:
    """Return `time_of_day_shape` for each minute of a whole session: that of its bucket."""
    buckets = np.arange(0, SESSION_MINUTES, config.bucket_minutes)
    return np.repeat(time_of_day_shape(buckets, config), config.bucket_minutes)[:SESSION_MINUTES]


def half_tick_bps(price_usd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return half the smallest price step in bps of the price; NaN where no price is known."""
    tick = np.where(price_usd < SMALL_BELOW_USD, SMALL_TICK_USD, TICK_USD)
    return tick / 2 / price_usd * 1e4


def _raw_shape(minute: NDArray[np.float64], config: SpreadsConfig) -> NDArray[np.float64]:
    decay = config.model_decay_minutes
    shape: NDArray[np.float64] = (
        1.0
        + config.model_open_excess * np.exp(-minute / decay)
        + config.model_close_excess * np.exp(-(SESSION_MINUTES - minute) / decay)
    )
    return shape
