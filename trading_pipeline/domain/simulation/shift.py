"""A planted change of distribution: a market that from some session on is another one."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.simulation.market import SimulatedMarket
from trading_pipeline.domain.simulation.schedule import Floats

PRICE_DECIMALS = 6
BAR_PRICES = ("open", "high", "low", "close")
QUOTE_PRICES = tuple(f"{side}_{name}" for side in ("bid", "ask") for name in BAR_PRICES)


def plant_shift(
    market: SimulatedMarket,
    from_session: int,
    volatility_factor: float = 2.5,
    volume_factor: float = 3.0,
) -> SimulatedMarket:
    """Return the market with wilder prices and busier trading from a session on.

    `from_session` is an ordinal of the exchange calendar. From it on, every log return is
    multiplied by `volatility_factor`, inside bars too, so minute bars and quotes still agree with
    daily bars; volumes are multiplied by `volume_factor`, and the VIX by the square root of
    `volatility_factor`. Rows before it, splits and oracle scores stay as they are. Raises
    ValueError where no session of the market lies before `from_session`.
    """
    start = session_dates(np.array([from_session], dtype="int64"))[0]
    if not (market.daily["ts"] < start).any():
        raise ValueError(
            f"the market begins on {market.daily['ts'].min().date()}, not before {start.date()}; "
            "give a later session"
        )
    stretch = _Stretch(market, start, volatility_factor)
    daily = stretch.frame(market.daily, market.daily["ts"], BAR_PRICES)
    minute_dates = _new_york_dates(market.minute["ts"])
    minute = stretch.frame(market.minute, minute_dates, BAR_PRICES)
    quote_dates = _new_york_dates(market.quotes["ts"])
    quotes = stretch.frame(market.quotes, quote_dates, QUOTE_PRICES)
    vix = market.vix.copy()
    shifted = vix["ts"] >= start
    vix.loc[shifted, list(BAR_PRICES)] *= np.sqrt(volatility_factor)
    return replace(
        market,
        daily=_busier(daily, daily["ts"] >= start, volume_factor),
        minute=_busier(minute, minute_dates >= start, volume_factor),
        quotes=quotes,
        vix=vix,
    )


class _Stretch:
    """Maps a price p to anchor * (p / anchor) ** factor, with splits undone and done again."""

    def __init__(self, market: SimulatedMarket, start: pd.Timestamp, factor: float) -> None:
        before = market.daily[market.daily["ts"] < start]
        first_after = market.daily[market.daily["ts"] >= start].groupby("symbol")["open"].first()
        # A symbol listed later is stretched around its own first price.
        self.anchors = first_after.to_dict() | before.groupby("symbol")["close"].last().to_dict()
        splits = market.corporate_actions
        self.splits = splits[splits["ex_date"] >= start]
        self.start, self.factor = start, factor

    def frame(self, frame: pd.DataFrame, dates: pd.Series, prices: tuple[str, ...]) -> pd.DataFrame:
        shifted = (dates >= self.start).to_numpy()
        symbols, days = frame["symbol"][shifted], dates[shifted]
        anchor = symbols.map(self.anchors).to_numpy("float64")
        shares: Floats = np.ones(len(symbols))
        splits = self.splits[["symbol", "ex_date", "ratio"]]
        for symbol, ex_date, ratio in splits.itertuples(index=False):
            after: NDArray[np.bool_] = ((symbols == symbol) & (days >= ex_date)).to_numpy()
            shares[after] *= float(ratio)
        columns = {}
        for name in prices:
            values = frame[name].to_numpy("float64").copy()
            moved = anchor * (values[shifted] * shares / anchor) ** self.factor / shares
            values[shifted] = np.round(moved, PRICE_DECIMALS)
            columns[name] = values
        return frame.assign(**columns)


def _new_york_dates(ts: pd.Series) -> pd.Series:
    local = pd.DatetimeIndex(ts).tz_localize("UTC").tz_convert("America/New_York")
    return pd.Series(local.tz_localize(None).normalize(), index=ts.index)


def _busier(frame: pd.DataFrame, shifted: pd.Series, factor: float) -> pd.DataFrame:
    volume = frame["volume"].where(~shifted, np.rint(frame["volume"] * factor))
    return frame.assign(volume=volume)
