"""Daily bars of a simulated market: symbols, the index over them, and the VIX."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.domain.simulation.schedule import (
    BURN_IN,
    INDEX_SYMBOL,
    Floats,
    Schedule,
    random_stream,
)
from trading_pipeline.domain.simulation.volatility import Noise

PRICE_DECIMALS = 6
INDEX_START = 100.0
# A bar reaches no further than this from its open and close; only a wild crash day is cut.
LOWEST_FRAC, HIGHEST_FRAC = 0.6, 1.7


@dataclass(frozen=True, slots=True)
class Prices:
    """Open, high, low, close [USD] and volume [shares], each of shape (sessions, symbols)."""

    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


def symbol_prices(
    seed: int, schedule: Schedule, noise: Noise, intraday: Floats, place: Floats, volume: Floats
) -> Prices:
    """Return the raw prices of every symbol and session shown; splits divide them.

    `noise` starts with its burn-in; `intraday`, `place` and `volume` are without it. The close
    stands at `place` of the range: the range is widened until open and close both fit.
    """
    rng = random_stream(seed, 12)
    start = rng.uniform(30.0, 150.0, len(schedule.symbols))
    for symbol, _, ratio in schedule.splits:
        start[symbol] *= ratio
    overnight = noise.overnight[BURN_IN:]
    close = start * np.exp(np.cumsum(overnight + intraday, axis=0))
    opening = np.vstack([start, close[:-1]]) * np.exp(overnight)
    body = close - opening
    fitting = np.where(body > 0, body / place, -body / (1 - place))
    spread = np.hypot(noise.volatility, noise.market_volatility[:, None])[BURN_IN:]
    shape = random_stream(seed, 13).standard_normal((len(close), len(start), 2))
    usual = 1.1 * spread * opening * np.exp(0.25 * shape[:, :, 0])
    width = np.maximum(usual, fitting * (1 + 0.05 * np.abs(shape[:, :, 1])))
    top, bottom = np.maximum(opening, close), np.minimum(opening, close)
    high = np.minimum(close + (1 - place) * width, HIGHEST_FRAC * top)
    low = np.maximum(close - place * width, LOWEST_FRAC * bottom)
    return Prices(
        open=np.round(opening / schedule.shares, PRICE_DECIMALS),
        high=np.round(high / schedule.shares, PRICE_DECIMALS),
        low=np.round(low / schedule.shares, PRICE_DECIMALS),
        close=np.round(close / schedule.shares, PRICE_DECIMALS),
        volume=np.rint(volume * schedule.shares),
    )


def index_prices(schedule: Schedule, prices: Prices) -> Prices:
    """Return the equal-weighted index of the symbols that trade, as arrays of shape (sessions, 1).

    Members are rebalanced at each close. The index's range is half as far beyond its body as its
    members' is on average, since they do not turn together.
    """
    shares, trades = schedule.shares, schedule.is_trading
    before = np.vstack([prices.open[:1], (prices.close * shares)[:-1]])
    is_member = trades & np.vstack([trades[:1], trades[:-1]])

    def mean(values: Floats) -> Floats:
        return np.asarray(
            np.where(is_member, values, 0.0).sum(axis=1, keepdims=True)
            / is_member.sum(axis=1, keepdims=True)
        )

    opening, high, low, close = (
        price * shares / before for price in (prices.open, prices.high, prices.low, prices.close)
    )
    level = INDEX_START * np.cumprod(mean(close), axis=0)
    start = np.vstack([[[INDEX_START]], level[:-1]])
    above = 0.5 * mean(high - np.maximum(opening, close))
    below = 0.5 * mean(np.minimum(opening, close) - low)
    index_open, index_close = mean(opening), mean(close)
    top, bottom = np.maximum(index_open, index_close), np.minimum(index_open, index_close)
    traded = np.where(trades, prices.volume, 0.0).sum(axis=1, keepdims=True)
    return Prices(
        open=np.round(start * index_open, PRICE_DECIMALS),
        high=np.round(start * (top + above), PRICE_DECIMALS),
        low=np.round(start * (bottom - below), PRICE_DECIMALS),
        close=np.round(start * index_close, PRICE_DECIMALS),
        volume=np.rint(traded * 0.2),
    )


def vix_frame(seed: int, schedule: Schedule, noise: Noise) -> pd.DataFrame:
    """Return ts, open, high, low, close [VIX points], one row per session."""
    close = np.round(noise.vix, 2)
    before, close = close[BURN_IN - 1 : -1], close[BURN_IN:]
    shocks = random_stream(seed, 14).standard_normal((len(close), 3))
    opening = np.round((before + close) / 2 * np.exp(0.02 * shocks[:, 0]), 2)
    high = np.maximum(opening, close) * np.exp(0.02 * np.abs(shocks[:, 1]))
    low = np.minimum(opening, close) * np.exp(-0.02 * np.abs(shocks[:, 2]))
    columns = {"open": opening, "high": np.round(high, 2), "low": np.round(low, 2), "close": close}
    return pd.DataFrame({"ts": schedule.sessions["session_date"], **columns})


def daily_frame(schedule: Schedule, prices: Prices, index: Prices) -> pd.DataFrame:
    """Return symbol, ts, open, high, low, close, volume of symbols and index, by symbol and ts."""
    trades = np.hstack([schedule.is_trading, np.ones((len(schedule.sessions), 1), dtype=bool)])
    return long_frame(
        schedule,
        (*schedule.symbols, INDEX_SYMBOL),
        trades,
        "ts",
        {
            name: np.hstack([getattr(prices, name), getattr(index, name)])
            for name in ("open", "high", "low", "close", "volume")
        },
    )


def long_frame(
    schedule: Schedule,
    symbols: tuple[str, ...],
    is_shown: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    date_column: str,
    values: dict[str, Floats],
) -> pd.DataFrame:
    """Return arrays of shape (sessions, symbols) as rows, by symbol then session, where shown."""
    shown = is_shown.T
    number, row = np.nonzero(shown)
    dates = schedule.sessions["session_date"].to_numpy()
    return pd.DataFrame(
        {
            "symbol": np.array(symbols, dtype=object)[number],
            date_column: dates[row],
            **{name: value.T[shown] for name, value in values.items()},
        }
    )
