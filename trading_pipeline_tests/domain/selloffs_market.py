"""A small market of minutes with falls, halts, a half-day and a split, and its context tables."""

import numpy as np
import pandas as pd

from trading_pipeline.contracts.data_config import SpreadsConfig
from trading_pipeline.contracts.selloffs_config import SelloffsConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs.context import ContextBook, ContextTables
from trading_pipeline.domain.selloffs.history import session_grids
from trading_pipeline_tests.domain.settings_of import SHIPPED, shipped

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "SPY")
SPLIT_DAY = pd.Timestamp("2023-07-10")
MINUTE = pd.Timedelta(minutes=1)
BARS = ["symbol", "opens_at", "open", "high", "low", "close", "volume"]


def selloffs_config(**changes):
    """Return the shipped settings of the scanner, with changes."""
    return shipped(SelloffsConfig, "selloffs", **changes)


def spreads_config():
    """Return the shipped settings of the spread model."""
    import tomllib

    return SpreadsConfig(**tomllib.loads(SHIPPED.read_text())["bars"]["spreads"])


def sessions_between(first, last):
    """Return the rows of the calendar from one date to another."""
    table = session_table()
    return table[table["session_date"].between(first, last)]


def made_minutes(first="2023-06-20", last="2023-07-14", seed=3, symbols=SYMBOLS):
    """Return rows of bars.minute: falls, holes, a late opening, extended hours, a split of CCC."""
    rng = np.random.default_rng(seed)
    parts = []
    for place, symbol in enumerate(symbols):
        price = 40.0 + 30 * place
        for row in sessions_between(first, last).itertuples():
            length = int((row.closes_at - row.opens_at) / MINUTE)
            if symbol == "CCC" and row.session_date == SPLIT_DAY:
                price /= 4.0
            move = rng.normal(0, 0.0016, length)
            close = price * np.exp(np.cumsum(move))
            opens = np.concatenate([[price * np.exp(rng.normal(0, 0.004))], close[:-1]])
            wide = np.abs(rng.normal(0, 0.0006, (2, length)))
            bars = pd.DataFrame(
                {
                    "symbol": symbol,
                    "session_date": row.session_date,
                    "opens_at": row.opens_at + np.arange(length) * MINUTE,
                    "open": opens,
                    "high": np.maximum(opens, close) * (1 + wide[0]),
                    "low": np.minimum(opens, close) * (1 - wide[1]),
                    "close": close,
                    "volume": rng.integers(2_000, 90_000, length).astype("float64"),
                    "is_regular": True,
                }
            )
            kept = rng.random(length) > 0.02
            if rng.random() < 0.2:
                kept[:8] = False
            if rng.random() < 0.3:
                kept[60:75] = False
            if rng.random() < 0.1:
                bars["volume"] = np.nan
            before = bars.iloc[:2].assign(
                opens_at=row.opens_at - np.arange(1, 3) * MINUTE, is_regular=False, low=1.0
            )
            parts += [before, bars[kept]]
            price = close[-1]
    frame = pd.concat(parts, ignore_index=True)
    frame["opens_at"] = pd.DatetimeIndex(frame["opens_at"]).as_unit("ns")
    frame["session_date"] = frame["session_date"].astype("datetime64[ns]")
    frame["closes_at"] = frame["opens_at"] + MINUTE
    return frame


def made_tables(minutes, seed=5):
    """Return the context of the minutes: adjusted daily bars since 2022, VIX, sectors, a split."""
    rng = np.random.default_rng(seed)
    facts = minute_facts(minutes)
    days = sessions_between("2022-03-01", minutes["session_date"].max())
    parts = []
    for symbol, own in facts.groupby("symbol"):
        raw = own.set_index("session_date")["close"]
        first = raw.index[0]
        back = days[days["session_date"] < first]
        path = raw.iloc[0] * np.exp(np.cumsum(rng.normal(0, 0.02, len(back)))[::-1])
        level = pd.concat([pd.Series(path, index=back["session_date"]), raw])
        scale = np.where(level.index < SPLIT_DAY, 0.25, 1.0) if symbol == "CCC" else 1.0
        known = days.set_index("session_date")["closes_at"].reindex(level.index)
        late = known.where(np.arange(len(known)) % 97 != 50, known + pd.Timedelta(days=3))
        close = level.to_numpy() * scale * 0.9
        parts.append(
            pd.DataFrame(
                {
                    "symbol": symbol,
                    "session": days.set_index("session_date")["session"]
                    .reindex(level.index)
                    .to_numpy(),
                    "high": close * 1.01,
                    "low": close * 0.99,
                    "close": close,
                    "volume": np.nan if symbol == "BBB" else 1e6 * np.exp(rng.normal(0, 1)),
                    "adj_factor": 1.0,
                    "has_vendor_seam": False,
                    "known_at": late.array,
                }
            )
        )
    symbols = sorted(facts["symbol"].unique())
    return ContextTables(
        universe=pd.DataFrame(
            {
                "symbol": symbols,
                "kind": ["etf" if name == "SPY" else "equity" for name in symbols],
                "is_index": [name == "SPY" for name in symbols],
            }
        ),
        daily=pd.concat(parts, ignore_index=True),
        vix=pd.DataFrame(
            {
                "session_date": days["session_date"],
                "close": 15 + 10 * rng.random(len(days)),
                "known_at": days["closes_at"] + 15 * MINUTE,
            }
        ),
        sectors=pd.DataFrame({"symbol": ["AAA", "BBB", "CCC"], "gics_sector": ["X", "X", "Y"]}),
        actions=pd.DataFrame(
            {
                "symbol": ["CCC"],
                "ex_date": [SPLIT_DAY],
                "action": ["split"],
                "ratio": [4.0],
                "known_at": [SPLIT_DAY.tz_localize("UTC")],
            }
        ),
        minute_sessions=facts,
        quotes=pd.DataFrame(
            {
                "symbol": pd.Series(["BBB"], dtype="object"),
                "session_date": [minutes["session_date"].min()],
                "half_spread_bps": [3.0],
            }
        ),
    )


def minute_facts(minutes):
    """Return what `queries/selloffs/minute_sessions.sql` gives."""
    regular = minutes[minutes["is_regular"]].sort_values(["symbol", "opens_at"])
    traded = (regular["close"] * regular["volume"]).round()
    return (
        regular.assign(traded_usd=traded)
        .groupby(["symbol", "session_date"], as_index=False)
        .agg(
            close=("close", "last"),
            first_closes_at=("closes_at", "min"),
            last_closes_at=("closes_at", "max"),
            high=("high", "max"),
            low=("low", "min"),
            traded_usd=("traded_usd", lambda values: values.sum(min_count=1)),
        )
    )


def coded(minutes, symbols=SYMBOLS):
    """Return regular minutes as `queries/selloffs/minutes.sql` gives them."""
    regular = minutes[minutes["is_regular"]]
    return pd.DataFrame(
        {
            "code": regular["symbol"].map({name: i for i, name in enumerate(sorted(symbols))}),
            "opens_minute": regular["opens_at"].astype("int64") // 60_000_000_000,
            **{name: regular[name] for name in ("open", "high", "low", "close", "volume")},
        }
    )


def grids_of(minutes, symbols=SYMBOLS):
    """Return regular minutes as the grids of their sessions."""
    return session_grids(coded(minutes, symbols), len(symbols))


def book_of(tables, config, symbols=SYMBOLS):
    """Return the context book of some symbols."""
    return ContextBook(tables, symbols, config, spreads_config())
