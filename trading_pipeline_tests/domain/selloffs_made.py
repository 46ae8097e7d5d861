"""Falls made up for tests: events, features and outcomes in the contract's columns.

`skill` is what a model can find beyond stop, target and the time of day: the log odds of a
reversal move by it per standard deviation of two features. At zero nothing but those three speaks.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.bars.sessions import session_dates

RUNGS = (0.02, 0.03, 0.05, 0.10, 0.15)
BUCKETS = ("opening", "morning", "midday", "afternoon", "power_hour")
COST_R = 0.06
FIRST_SESSION = 9_700


@dataclass(frozen=True)
class MadeFalls:
    """Rows of selloffs.events, selloffs.features and selloffs.outcomes, and the regimes."""

    events: pd.DataFrame
    features: pd.DataFrame
    outcomes: pd.DataFrame
    regimes: pd.DataFrame


def made_falls(
    n_sessions: int = 120,
    n_symbols: int = 12,
    *,
    skill: float = 0.0,
    seed: int = 7,
    delays: tuple[int, ...] = (0, 1),
) -> MadeFalls:
    """Return about 0.8 events per symbol and session; deterministic by the seed.

    Every event is closed, but those of the last session are pending; some have no clean quality,
    some features are missing.
    """
    rng = np.random.default_rng(seed)
    first = FIRST_SESSION
    sessions = np.arange(first, first + n_sessions + 1)
    dates = pd.DatetimeIndex(session_dates(sessions))
    regime_of = np.array(REGIMES, dtype=object)[(np.arange(n_sessions + 1) // 15) % len(REGIMES)]
    deepest = rng.choice(
        6, size=(n_sessions + 1, n_symbols), p=(0.55, 0.22, 0.13, 0.06, 0.03, 0.01)
    )
    place = [
        (day, symbol, rung)
        for day in range(n_sessions + 1)
        for symbol in range(n_symbols)
        for rung in range(deepest[day, symbol])
    ]
    day, symbol, rung_place = np.array(place, dtype=np.intp).T
    n = len(day)
    rung = np.array(RUNGS)[rung_place]
    minutes = 5 + 45 * rung_place + rng.integers(1, 150, n)
    opened = dates[day].tz_localize("America/New_York") + pd.Timedelta(hours=9, minutes=30)
    detected = (opened + pd.to_timedelta(minutes, unit="m")).tz_convert("UTC")
    drop = rung * (1 + 0.1 * rng.random(n))
    price = np.round(20 + 180 * rng.random(n), 2)
    low = price * (1 - drop)
    close = low * (1 + 0.15 * drop * rng.random(n))
    target = low + 0.5 * (price - low)
    stop = np.minimum(low * 0.999, close * (1 - rung / 4))
    signal = rng.standard_normal((n, 2))
    market = rng.standard_normal(n_sessions + 1)[day]
    events = pd.DataFrame(
        {
            "symbol": np.array([f"S{i:02d}" for i in range(n_symbols)], dtype=object)[symbol],
            "session_date": dates[day].tz_localize(None),
            "rung": rung,
            "detected_at": detected,
            "session_open": price,
            "low": low,
            "close": close,
            "volume": rng.integers(1_000, 100_000, n).astype(float),
            "drop_frac": -drop,
            "is_first": rung_place == 0,
            "quality": np.where(rng.random(n) < 0.03, "lone_tick", "clean").astype(object),
            "n_missing_minutes": rng.integers(0, 3, n),
        }
    )
    features = events[
        ["symbol", "session_date", "rung", "detected_at", "session_open", "low", "drop_frac"]
    ].copy()
    features.insert(4, "session", sessions[day])
    noise = {
        name: rng.standard_normal(n) * 0.05
        for name in (
            "high_52w_distance_frac",
            "low_52w_distance_frac",
            "place_in_52w_range",
            "sma_20_distance_frac",
            "sma_50_distance_frac",
            "sma_200_distance_frac",
        )
    }
    local = detected.tz_convert("America/New_York")
    features = features.assign(
        **noise,
        is_above_sma_200=pd.array(noise["sma_200_distance_frac"] > 0, dtype="boolean"),
        has_golden_cross=pd.array(rng.random(n) > 0.4, dtype="boolean"),
        index_change_today_frac=0.01 * market,
        vix_last_session=20 + 5 * market,
        hour=local.hour.to_numpy(np.int64),
        minute=local.minute.to_numpy(np.int64),
        time_bucket=np.array(BUCKETS, dtype=object)[np.digitize(minutes, (30, 120, 240, 330))],
        minutes_since_open=minutes,
        minutes_to_close=390 - minutes,
        gap_frac=0.01 * rng.standard_normal(n),
        prior_return_frac=0.02 * rng.standard_normal(n),
        return_5d_frac=0.04 * rng.standard_normal(n),
        atr_14_frac=0.02 + 0.01 * rng.random(n),
        volume_ratio=np.exp(0.4 * signal[:, 0]),
        bar_volume_ratio=np.exp(0.4 * rng.standard_normal(n)),
        fall_per_minute_frac=drop / np.maximum(minutes, 1),
        change_5m_frac=-0.005 * rng.random(n),
        change_15m_frac=-0.01 * rng.random(n),
        minutes_from_high=rng.integers(1, 60, n).astype(float),
        vwap_distance_frac=-drop / 2,
        realised_volatility=0.01 + 0.01 * rng.random(n),
        bar_place=rng.random(n),
        down_minutes_frac=0.4 + 0.3 * rng.random(n),
        sector_change_today_frac=0.01 * signal[:, 1],
        market_breadth_frac=rng.random(n),
        market_selloff_frac=rng.random(n) / 5,
        half_spread_bps=np.where(rng.random(n) < 0.3, np.nan, 1 + 4 * rng.random(n)),
        stop_distance_frac=1 - stop / close,
        target_distance_frac=target / close - 1,
    )
    features["reward_to_risk"] = features["target_distance_frac"] / features["stop_distance_frac"]
    is_absent = rng.random(n) < 0.1
    for name in ("is_above_sma_200", "sma_200_distance_frac"):
        features.loc[is_absent, name] = pd.NA if name.startswith("is") else np.nan
    reward = features["reward_to_risk"].to_numpy()
    odds = -np.log(reward) - 0.1 - minutes / 400 + skill * (signal[:, 0] - signal[:, 1])
    reverses = rng.random(n) < 1 / (1 + np.exp(-odds))
    stopped = rng.random(n) < 0.7
    hold = rng.integers(2, 120, n)
    drift_r = 0.5 * rng.random(n) - 0.5
    parts = []
    for delay in delays:
        entry = close * (1 + 0.0002 * delay)
        risk = 1 - stop / entry
        gross = np.where(reverses, (target / entry - 1) / risk, np.where(stopped, -1.0, drift_r))
        is_open = day == n_sessions
        fall = price - low
        recovery = np.where(reverses, 0.5 + 0.3 * rng.random(n), 0.45 * rng.random(n))
        part = events[["symbol", "session_date", "rung", "detected_at"]].assign(
            entry_delay_minutes=delay,
            status=np.where(is_open, "pending", "closed").astype(object),
            reason=np.where(is_open, "the session is not complete", "").astype(object),
            entry_at=detected + pd.Timedelta(minutes=delay),
            entry_price=entry,
            stop_price=stop,
            target_price=target,
            exit_at=detected + pd.to_timedelta(delay + hold, unit="m"),
            exit_price=entry * (1 + gross * risk),
            exit_reason=np.where(reverses, "target", np.where(stopped, "stop", "close")).astype(
                object
            ),
            reversed=pd.array(reverses, dtype="boolean"),
            recovery_frac=recovery,
            peak_price=low + recovery * fall,
            minutes_to_peak=pd.array(np.maximum(hold - 1, 1), dtype="Int64"),
            hold_minutes=pd.array(hold, dtype="Int64"),
            hold_bucket=np.where(hold < 15, "0-15", "15+").astype(object),
            shares=np.floor(250 / (entry * risk)),
            gross_r=gross,
            cost_r=COST_R,
            r_multiple=gross - COST_R,
            mfe_r=np.maximum(gross, 0) + 0.1,
            mae_r=np.minimum(gross, 0) - 0.1,
            known_at=detected + pd.to_timedelta(delay + hold, unit="m"),
        )
        names = list(part.columns)
        for name in names[names.index("entry_at") :]:
            missing = None if part[name].dtype == object else pd.NA
            part[name] = part[name].mask(is_open, missing)
        parts.append(part)
    outcomes = pd.concat(parts, ignore_index=True)
    regimes = pd.DataFrame({"session_date": dates.tz_localize(None), "regime": regime_of})
    return MadeFalls(events, features, outcomes, regimes)
