"""A market of minute bars whose falls reverse with a known chance.

What moves the chance is known when a fall is detected and stands in `fall_chance`. Nothing else
does: not the rung, not the hour, not the distance to stop and target.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.simulation.fall_chance import (
    GAP_SPREAD,
    VOLUME_SPREAD,
    chance,
    fall_score,
    planted_strength,
)
from trading_pipeline.domain.simulation.fall_paths import Fall, Reached, falling_path, quiet_path
from trading_pipeline.domain.simulation.market import (
    SimulatedMarket,
    market_toml,
    sector_frame,
    split_frame,
    universe_frame,
)
from trading_pipeline.domain.simulation.minutes import BAR_COLUMNS, QUOTE_COLUMNS, joined
from trading_pipeline.domain.simulation.schedule import (
    INDEX_SYMBOL,
    Flags,
    Floats,
    Schedule,
    market_sessions,
    random_stream,
)
from trading_pipeline.domain.simulation.volatility import VIX_CAP, VIX_FLOOR, autoregression

FALLING_FRAC = 0.55  # of the sessions of a symbol, once its volume curve is known
CURVE_SESSIONS = 20
INDEX_START, INDEX_VOLUME = 100.0, 0.2
PRICE_DECIMALS = 4
PULL = 0.3  # of the way back to its first price that a quiet session makes up for
# Each session and symbol draws from its own stream, so sessions can be appended.
DAY_STREAM, PATH_STREAM, VIX_STREAM = 40, 41, 42
ORACLE_COLUMNS = (
    "symbol",
    "session_date",
    "rung",
    "detected_at",
    "oracle_score",
    "is_reversed",
)


def simulate_falls(config: SimulationConfig, extra_sessions: int = 0) -> SimulatedMarket:
    """Return a market in which falls reverse with the chance that its oracle tells.

    Every symbol has minute bars in the last `minute_sessions` of `n_sessions`, and daily bars that
    agree with them; the index is the mean of the symbols. The oracle has symbol, session_date,
    rung, detected_at [UTC], oracle_score [0..1, the chance], is_reversed. An `oracle_auc` of 0.5
    plants nothing: every fall has the base rate. Same configuration: same bits; appended sessions
    move no earlier row. Raises InputError where the minutes are too few to know a volume curve.
    """
    if not CURVE_SESSIONS < config.minute_sessions <= config.n_sessions:
        raise InputError(
            f"minute_sessions is {config.minute_sessions}; falls begin after {CURVE_SESSIONS} "
            f"sessions of minutes, and there are {config.n_sessions} sessions: ask for more than "
            f"{CURVE_SESSIONS} and at most {config.n_sessions}"
        )
    schedule = _schedule(config, extra_sessions)
    tape = _Tape(config.seed, schedule.symbols, planted_strength(config.oracle_auc))
    first = config.n_sessions - config.minute_sessions
    for row, session in enumerate(_sessions(schedule)):
        has_falls = row >= first + CURVE_SESSIONS
        tape.write(session, has_minutes=row >= first, has_falls=has_falls)
    oracle = pd.DataFrame(tape.oracle, columns=list(ORACLE_COLUMNS))
    oracle = oracle.astype({"is_reversed": bool, "oracle_score": float})
    return SimulatedMarket(
        daily=joined(tape.daily, BAR_COLUMNS),
        corporate_actions=split_frame(schedule),
        vix=_vix_frame(config.seed, schedule),
        sectors=sector_frame(schedule.symbols),
        universe=universe_frame(schedule),
        minute=joined(tape.minutes, BAR_COLUMNS),
        quotes=joined([], QUOTE_COLUMNS),
        oracle=oracle.sort_values(["symbol", "detected_at", "rung"], ignore_index=True),
        toml=market_toml(config.model_copy(update={"minute_symbols": config.n_symbols})),
        strength=tape.strength[1],
        oracle_auc=_auc(oracle["oracle_score"].to_numpy(), oracle["is_reversed"].to_numpy()),
    )


class _Session(NamedTuple):
    """One row of the calendar; `opens_at` in UTC."""

    date: pd.Timestamp
    ordinal: int
    opens_at: pd.Timestamp
    n_minutes: int


class _Tape:
    """What has traded so far, session after session."""

    def __init__(self, seed: int, symbols: tuple[str, ...], strength: tuple[float, float]) -> None:
        traits, n = random_stream(seed, DAY_STREAM), len(symbols)
        self.seed, self.symbols, self.strength = seed, symbols, strength
        self.start = np.round(traits.uniform(30.0, 150.0, n), PRICE_DECIMALS)
        self.usual_volume = np.exp(traits.normal(8.0, 0.5, n))
        self.names = np.array([*symbols, INDEX_SYMBOL], dtype=object)
        self.close: Floats = np.append(self.start, INDEX_START)
        self.daily: list[dict[str, NDArray[np.generic]]] = []
        self.minutes: list[dict[str, NDArray[np.generic]]] = []
        self.oracle: list[tuple[object, ...]] = []
        self.curves: list[Floats] = []

    def write(self, session: _Session, has_minutes: bool, has_falls: bool) -> None:
        """Trade one session: its minutes, and the day's bar from them."""
        n, n_minutes = len(self.symbols), session.n_minutes
        rng = random_stream(self.seed, DAY_STREAM, session.ordinal)
        gap = GAP_SPREAD * rng.standard_normal(n)
        opening = np.round(self.close * np.exp(np.append(gap, gap.mean())), PRICE_DECIMALS)
        gap_frac = opening / self.close - 1
        drift = np.clip(PULL * np.log(self.start / opening[:n]), -0.012, 0.04)
        falls: Flags = (rng.random(n) < FALLING_FRAC) & has_falls
        volume = _minute_volume(rng, self.usual_volume, n_minutes)
        so_far = np.cumsum(volume, axis=1)

        ratio = np.empty((n + 1, 4, n_minutes))
        for symbol, name in enumerate(self.symbols):
            own = random_stream(self.seed, PATH_STREAM, session.ordinal, symbol)
            if not falls[symbol]:
                ratio[symbol] = quiet_path(own, n_minutes, float(drift[symbol]))
                continue
            usual = _usual_curve([curve[symbol] for curve in self.curves], n_minutes)
            known = _Known(so_far[symbol] / usual, float(gap_frac[symbol]), self.strength)
            ratio[symbol], found = falling_path(own, n_minutes, known.chance)
            self.oracle += [_truth(name, session, fall) for fall in found]
        ratio[n] = ratio[:n].mean(axis=0)
        bars = np.round(ratio * opening[:, None, None], PRICE_DECIMALS)
        traded = np.vstack([volume, np.rint(INDEX_VOLUME * volume.sum(axis=0))])
        self.close = bars[:, 3, -1].copy()

        dates = np.full(n + 1, session.date.to_datetime64())
        day = [bars[:, 0, 0], bars[:, 1].max(axis=1), bars[:, 2].min(axis=1), self.close]
        self.daily.append(_columns(self.names, dates, [*day, traded.sum(axis=1)]))
        if has_minutes:
            first = session.opens_at.tz_localize(None).to_datetime64().astype("datetime64[ns]")
            ts = np.tile(first + np.arange(n_minutes).astype("timedelta64[m]"), n + 1)
            minutes = [bars[:, part].ravel() for part in range(4)]
            names = np.repeat(self.names, n_minutes)
            self.minutes.append(_columns(names, ts, [*minutes, traded.ravel()]))
            self.curves = [*self.curves, so_far][-CURVE_SESSIONS:]


class _Known(NamedTuple):
    """What moves the chance of one symbol in one session; `crowd` by minute."""

    crowd: Floats
    gap_frac: float
    strength: tuple[float, float]

    def chance(self, reached: Reached) -> float:
        """Return the probability of reversal at a rung."""
        score = fall_score(self.crowd[reached.bar], self.gap_frac, reached.minutes_from_high)
        return float(chance(score, self.strength))


def _columns(
    names: NDArray[np.object_], ts: NDArray[np.datetime64], values: list[Floats]
) -> dict[str, NDArray[np.generic]]:
    return dict(zip(BAR_COLUMNS, [names, ts, *values], strict=True))


def _truth(symbol: str, session: _Session, fall: Fall) -> tuple[object, ...]:
    detected_at = session.opens_at + pd.Timedelta(minutes=fall.bar + 1)
    return (symbol, session.date, fall.rung, detected_at, fall.probability, fall.is_reversed)


def _minute_volume(rng: np.random.Generator, usual: Floats, n_minutes: int) -> Floats:
    """Return shares by symbol and minute: busiest at both ends, and some sessions as a whole."""
    n = len(usual)
    clock = 0.5 + np.linspace(-1, 1, n_minutes) ** 2
    crowd = VOLUME_SPREAD * rng.standard_normal((n, 1))
    noise = 0.4 * rng.standard_normal((n, n_minutes))
    return np.asarray(np.maximum(np.rint(usual[:, None] * clock * np.exp(crowd + noise)), 1.0))


def _usual_curve(curves: list[Floats], n_minutes: int) -> Floats:
    """Return the mean volume by each minute over the sessions that were as long."""
    long = [curve[:n_minutes] for curve in curves if len(curve) >= n_minutes]
    return np.asarray(np.mean(long, axis=0))


def _schedule(config: SimulationConfig, extra_sessions: int) -> Schedule:
    """Return the sessions and symbols; nothing is listed late, delisted or split."""
    n, n_rows = config.n_symbols, config.n_sessions + extra_sessions
    width = max(2, len(str(n)))
    return Schedule(
        sessions=market_sessions(pd.Timestamp(config.first_session), n_rows),
        symbols=tuple(f"SIM{number:0{width}d}" for number in range(1, n + 1)),
        n_base=config.n_sessions,
        listed=np.zeros(n, dtype="int64"),
        delisted=np.full(n, np.iinfo("int64").max),
        splits=(),
        shares=np.ones((n_rows, n)),
    )


def _sessions(schedule: Schedule) -> list[_Session]:
    names = ["session_date", "session", "opens_at", "closes_at"]
    return [
        _Session(date, int(ordinal), opens, int((closes - opens) / pd.Timedelta(minutes=1)))
        for date, ordinal, opens, closes in schedule.sessions[names].itertuples(index=False)
    ]


def _vix_frame(seed: int, schedule: Schedule) -> pd.DataFrame:
    n = len(schedule.sessions)
    rng = random_stream(seed, VIX_STREAM)
    habit = autoregression(rng.standard_normal((n, 1)), 0.97)[:, 0]
    close = np.round(np.clip(18 * np.exp(0.3 * habit), VIX_FLOOR, VIX_CAP), 2)
    opening = np.append(close[:1], close[:-1])
    return pd.DataFrame(
        {
            "ts": schedule.sessions["session_date"],
            "open": opening,
            "high": np.round(np.maximum(opening, close) * 1.02, 2),
            "low": np.round(np.minimum(opening, close) * 0.98, 2),
            "close": close,
        }
    )


def _auc(score: Floats, outcome: Flags) -> float:
    """Return the chance that a reversed fall has the higher score; missing without both kinds."""
    n_up, n_down = int(outcome.sum()), int((~outcome).sum())
    if not n_up or not n_down:
        return float("nan")
    ranks = pd.Series(score).rank().to_numpy()
    return float((ranks[outcome].sum() - n_up * (n_up + 1) / 2) / (n_up * n_down))
