"""What happens when in a simulated market: sessions, listings, delistings, splits, crises.

Every event is placed by its ordinal in the base market, so appending sessions moves none of them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.bars.sessions import session_table

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

INDEX_SYMBOL = "SIMX"
# Sessions made before the first one shown, so that averages and volatilities start settled.
BURN_IN = 120
MIN_SYMBOLS_FOR_EVENTS = 10
CRASH_SESSIONS = 12
RECOVERY_SESSIONS = 45
CRASH_DRIFT = -0.019
RECOVERY_DRIFT = 0.0065


def random_stream(seed: int, *name: int) -> np.random.Generator:
    """Return the generator of one named stream: drawing from it disturbs no other stream."""
    return np.random.default_rng([seed, *name])


@dataclass(frozen=True, slots=True)
class Schedule:
    """Sessions of a market and its dated events; rows are sessions, columns are symbols.

    `sessions` has the columns of `session_table`, one row per session shown. `n_base` sessions
    belong to the base market, the rest were appended. `listed` and `delisted` are row numbers:
    a symbol trades on rows listed <= row < delisted. `shares` counts the shares one first share
    has become by splits. `splits` has symbol number, row and ratio.
    """

    sessions: pd.DataFrame
    symbols: tuple[str, ...]
    n_base: int
    listed: NDArray[np.int64]
    delisted: NDArray[np.int64]
    splits: tuple[tuple[int, int, float], ...]
    shares: Floats

    @property
    def is_trading(self) -> Flags:
        """Return where a symbol has a bar, shape (sessions, symbols)."""
        rows = np.arange(len(self.sessions))[:, None]
        return (rows >= self.listed) & (rows < self.delisted)


def market_sessions(first_session: pd.Timestamp, n_sessions: int) -> pd.DataFrame:
    """Return `n_sessions` rows of the exchange calendar from the first session on or after a date.

    Raises ValueError where the calendar ends earlier.
    """
    table = session_table()
    start = int(np.searchsorted(table["session_date"].to_numpy(), first_session.to_datetime64()))
    if start + n_sessions > len(table):
        raise ValueError(
            f"{n_sessions} sessions from {first_session.date()} run past the calendar's end; "
            "ask for fewer sessions or an earlier first session"
        )
    return table.iloc[start : start + n_sessions].reset_index(drop=True)


def market_schedule(config: SimulationConfig, extra_sessions: int) -> Schedule:
    """Return the sessions of a market and who is listed, delisted and split in it.

    Markets of ten symbols or more have, for each twenty symbols, one delisting and one late
    listing, and two splits (2:1 and 10:1) and one more 3:1 for each twenty-five symbols.
    """
    n, n_base = config.n_symbols, config.n_sessions
    n_rows = n_base + extra_sessions
    rng = random_stream(config.seed, 1)
    listed = np.zeros(n, dtype="int64")
    delisted = np.full(n, np.iinfo("int64").max)
    splits: list[tuple[int, int, float]] = []
    if n >= MIN_SYMBOLS_FOR_EVENTS:
        each = max(1, n // 20)
        ratios = [2.0, 10.0] + [3.0] * (n // 25)
        chosen = rng.permutation(n)
        listed[chosen[:each]] = (n_base * rng.uniform(0.15, 0.45, each)).astype("int64")
        delisted[chosen[each : 2 * each]] = (n_base * rng.uniform(0.5, 0.9, each)).astype("int64")
        rows = (n_base * rng.uniform(0.2, 0.95, len(ratios))).astype("int64")
        split_symbols = chosen[2 * each : 2 * each + len(ratios)]
        splits = [
            (int(symbol), int(row), ratio)
            for symbol, row, ratio in zip(split_symbols, rows, ratios, strict=True)
        ]
    shares = np.ones((n_rows, n))
    for symbol, row, ratio in splits:
        shares[row:, symbol] *= ratio
    width = max(2, len(str(n)))
    return Schedule(
        sessions=market_sessions(pd.Timestamp(config.first_session), n_rows),
        symbols=tuple(f"SIM{number:0{width}d}" for number in range(1, n + 1)),
        n_base=n_base,
        listed=listed,
        delisted=delisted,
        splits=tuple(splits),
        shares=shares,
    )


def crisis_paths(config: SimulationConfig, n_rows: int) -> tuple[Floats, Floats]:
    """Return the drift and the log-volatility that crises and the volatility cycle add.

    Both have shape (n_rows,). Each cycle, about six hundred sessions in a long market, holds one
    crash and the recovery after it. The drift is common to all symbols, whatever their beta:
    so it moves the index and says nothing about which symbol beats the median.
    """
    cycle = int(np.clip(config.n_sessions // 2, 60, 600))
    n_cycles = n_rows // cycle + 1
    starts = (
        np.arange(n_cycles) + random_stream(config.seed, 2).uniform(0.45, 0.6, n_cycles)
    ) * cycle
    rows = np.arange(n_rows)
    # Volatility is lowest a while before the crash, as it was in 2006, 2014, 2017 and 2019.
    stress = -0.22 * np.cos(2 * np.pi * (rows / cycle - 0.8))
    drift = np.zeros(n_rows)
    for start in starts.astype("int64"):
        age = rows - start
        in_crash = (age >= 0) & (age < CRASH_SESSIONS)
        after = age - CRASH_SESSIONS
        drift[in_crash] += CRASH_DRIFT
        drift[(after >= 0) & (after < RECOVERY_SESSIONS)] += RECOVERY_DRIFT
        stress += np.where(in_crash, np.minimum(0.8, 0.4 + 0.1 * age), 0.0)
        stress += np.where(after >= 0, 0.8 * np.exp(-np.maximum(after, 0) / 25.0), 0.0)
    return drift, stress
