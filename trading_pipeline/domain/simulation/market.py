"""A whole simulated market: its frames, its settings file, and the score that is true of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.simulation.bars import (
    Prices,
    daily_frame,
    index_prices,
    long_frame,
    symbol_prices,
    vix_frame,
)
from trading_pipeline.domain.simulation.calibration import (
    HORIZON_SESSIONS,
    forward_returns,
    signal_strength,
)
from trading_pipeline.domain.simulation.carriers import foreseen_score, signal_carriers
from trading_pipeline.domain.simulation.minutes import DayBars, intraday_frames
from trading_pipeline.domain.simulation.schedule import (
    BURN_IN,
    INDEX_SYMBOL,
    Schedule,
    market_schedule,
)
from trading_pipeline.domain.simulation.volatility import market_noise

VENDOR = "simulated"
DAILY_FILE, MINUTE_FILE, QUOTES_FILE = (
    "daily/bars.parquet",
    "minute/bars.parquet",
    "quotes/quotes.parquet",
)
SECTORS = (
    ("Information Technology", ("Semiconductors", "Application Software")),
    ("Health Care", ("Pharmaceuticals", "Health Care Equipment")),
    ("Financials", ("Diversified Banks", "Property & Casualty Insurance")),
    ("Consumer Discretionary", ("Broadline Retail", "Restaurants")),
    ("Communication Services", ("Interactive Media & Services", "Cable & Satellite")),
    ("Industrials", ("Aerospace & Defense", "Building Products")),
    ("Consumer Staples", ("Household Products", "Packaged Foods & Meats")),
    ("Energy", ("Integrated Oil & Gas", "Oil & Gas Exploration & Production")),
    ("Utilities", ("Electric Utilities", "Multi-Utilities")),
    ("Real Estate", ("Industrial REITs", "Retail REITs")),
    ("Materials", ("Specialty Chemicals", "Steel")),
)


@dataclass(frozen=True, slots=True)
class SimulatedMarket:
    """The frames of a market folder, its `market.toml`, and the truth about it.

    daily: symbol, ts (session date), open, high, low, close [USD, raw], volume [shares], the index
    included. corporate_actions: symbol, ex_date, action, ratio [new per old], amount_usd (missing
    for splits). vix: ts, open, high, low, close. sectors: symbol, gics_sector, gics_sub_industry.
    universe: symbol, kind, listed_date, delisted_date (missing while listed). minute: symbol, ts
    (naive UTC start), bar columns. quotes: symbol, ts, bid_* and ask_*. oracle: symbol,
    session_date, oracle_score, known after the session's close and monotone in the chance that
    the next twenty sessions end above the median. `strength` is the daily drift per unit of score
    and volatility; `oracle_auc` what the score reaches on the later four fifths, missing without a
    signal.
    """

    daily: pd.DataFrame
    corporate_actions: pd.DataFrame
    vix: pd.DataFrame
    sectors: pd.DataFrame
    universe: pd.DataFrame
    minute: pd.DataFrame
    quotes: pd.DataFrame
    oracle: pd.DataFrame
    toml: dict[str, Any]
    strength: float
    oracle_auc: float


def simulate_market(config: SimulationConfig, extra_sessions: int = 0) -> SimulatedMarket:
    """Return the market of a configuration, continued by `extra_sessions` sessions.

    Same configuration: same bits, and the rows of the base market stay as they are, minute bars
    included, when sessions are appended. Null and planted markets of one seed have the same noise
    and the same carriers; they differ by the strength of the signal alone. Raises InputError
    where the signal cannot reach `oracle_auc`, ValueError where the calendar ends.
    """
    if config.signal == "falls":
        raise ValueError("falls are planted in minute bars; call simulate_falls")
    schedule = market_schedule(config, extra_sessions)
    n_rows = len(schedule.sessions)
    noise = market_noise(config, n_rows, sector_count(config.n_symbols))
    carriers = signal_carriers(config.seed, config.signal, noise)
    shown = slice(BURN_IN, None)
    # The score of one session moves the next.
    drift = (noise.volatility[1:] * carriers.score[:-1])[BURN_IN - 1 :]
    based = slice(BURN_IN, BURN_IN + schedule.n_base)
    oracle = foreseen_score(carriers, based, HORIZON_SESSIONS)[shown]
    intraday = noise.intraday[shown]
    strength, oracle_auc = 0.0, float("nan")
    if config.signal != "none":
        base = slice(0, schedule.n_base)
        returns = forward_returns(
            noise.overnight[shown][base], intraday[base], drift[base], schedule.is_trading[base]
        )
        strength, oracle_auc = signal_strength(
            returns, oracle[: len(returns.noise)], config.oracle_auc
        )
    prices = symbol_prices(
        config.seed,
        schedule,
        noise,
        intraday + strength * drift,
        carriers.place[shown],
        carriers.volume[shown],
    )
    index = index_prices(schedule, prices)
    days = minute_days(config, schedule, prices, index)
    minute, quotes = intraday_frames(config.seed, days, with_quotes=True)
    return SimulatedMarket(
        daily=daily_frame(schedule, prices, index),
        corporate_actions=split_frame(schedule),
        vix=vix_frame(config.seed, schedule, noise),
        sectors=sector_frame(schedule.symbols),
        universe=universe_frame(schedule),
        minute=minute,
        quotes=quotes,
        oracle=long_frame(
            schedule,
            schedule.symbols,
            schedule.is_trading,
            "session_date",
            {"oracle_score": oracle},
        ),
        toml=market_toml(config),
        strength=strength,
        oracle_auc=oracle_auc,
    )


def sector_count(n_symbols: int) -> int:
    """Return how many sectors a market has: at least four symbols in each where it can."""
    return int(np.clip(n_symbols // 4, 2, len(SECTORS)))


def minute_days(
    config: SimulationConfig, schedule: Schedule, prices: Prices, index: Prices
) -> list[tuple[pd.Timestamp, DayBars]]:
    """Return the daily bars that get minutes: last sessions, first symbols, and the index."""
    if config.minute_symbols == 0 or config.minute_sessions == 0:
        return []
    n = min(config.minute_symbols, config.n_symbols)
    names = np.array([*schedule.symbols[:n], INDEX_SYMBOL], dtype=object)
    dates = pd.DatetimeIndex(schedule.sessions["session_date"])
    trades = schedule.is_trading[:, :n]
    columns = ("open", "high", "low", "close", "volume")
    days = []
    for row in range(max(0, schedule.n_base - config.minute_sessions), len(dates)):
        shown = np.append(trades[row], True)
        values = (
            np.append(getattr(prices, name)[row, :n], getattr(index, name)[row])[shown]
            for name in columns
        )
        days.append((dates[row], DayBars(names[shown], *values)))
    return days


def split_frame(schedule: Schedule) -> pd.DataFrame:
    """Return symbol, ex_date, action, ratio, amount_usd of splits while the symbol trades."""
    dates = schedule.sessions["session_date"]
    trades = schedule.is_trading
    rows = [
        (schedule.symbols[symbol], dates.iloc[row], "split", ratio, np.nan)
        for symbol, row, ratio in sorted(schedule.splits)
        if trades[row, symbol]
    ]
    return pd.DataFrame(rows, columns=["symbol", "ex_date", "action", "ratio", "amount_usd"])


def sector_frame(symbols: tuple[str, ...]) -> pd.DataFrame:
    """Return symbol, gics_sector, gics_sub_industry: symbol s belongs to sector s modulo count."""
    n = sector_count(len(symbols))
    rows = [
        (symbol, SECTORS[place % n][0], SECTORS[place % n][1][place // n % 2])
        for place, symbol in enumerate(symbols)
    ]
    return pd.DataFrame(rows, columns=["symbol", "gics_sector", "gics_sub_industry"])


def universe_frame(schedule: Schedule) -> pd.DataFrame:
    """Return symbol, kind, listed_date, delisted_date (last session with a bar; NaT if none)."""
    dates = schedule.sessions["session_date"].to_numpy()
    ended = schedule.delisted < len(dates)
    last = np.where(
        ended, dates[np.minimum(schedule.delisted, len(dates)) - 1], np.datetime64("NaT")
    )
    return pd.DataFrame(
        {
            "symbol": [*schedule.symbols, INDEX_SYMBOL],
            "kind": ["equity"] * len(schedule.symbols) + ["etf"],
            "listed_date": np.append(dates[schedule.listed], dates[0]),
            "delisted_date": np.append(last, np.datetime64("NaT")).astype("datetime64[ns]"),
        }
    )


def market_toml(config: SimulationConfig) -> dict[str, Any]:
    """Return the content of `market.toml`: how to read the folder's files."""
    made = {"vendor": VENDOR, "simulated": True}
    raw = {**made, "adjusted": False, "prices": "raw"}
    files: dict[str, dict[str, Any]] = {DAILY_FILE: {**raw, "interval": "1d"}}
    if config.minute_sessions and config.minute_symbols:
        files[MINUTE_FILE] = {**raw, "interval": "1m"}
        files[QUOTES_FILE] = {**made, "interval": "1m"}
    return {"index_symbol": INDEX_SYMBOL, "vendor_order": [VENDOR], "files": files}
