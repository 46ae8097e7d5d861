"""Minutes of one session, its context and a stand-in model, for the tests of the scanner."""

import json

import numpy as np
import pandas as pd

from trading_pipeline.domain.selloffs import kernels as k
from trading_pipeline.domain.selloffs.freshness import Coverage
from trading_pipeline.domain.selloffs.live_minutes import scan_session_of
from trading_pipeline.domain.selloffs.scanner import Scanner
from trading_pipeline.domain.selloffs.session_scan import SessionContext, SessionScan
from trading_pipeline.settings import load_settings

DAY = pd.Timestamp("2024-03-05")
SESSION = scan_session_of(DAY)
CONFIG = load_settings(environment={})
MINUTE = pd.Timedelta(minutes=1)
NOTHING_TOLD = pd.DataFrame({"alert_id": [], "detected_at": []})


def symbols_of(n_symbols):
    """Return sorted names of so many symbols."""
    return [f"S{number:03d}" for number in range(n_symbols)]


def session_minutes(n_symbols=4, n_minutes=390, seed=7, volatility=1.2e-3):
    """Return random walks in the columns of bars.minute, by closes_at and symbol."""
    rng = np.random.default_rng(seed)
    shape = (n_symbols, n_minutes)
    close = 50.0 * np.exp(np.cumsum(rng.normal(-2e-5, volatility, shape), axis=1))
    opened = np.concatenate([np.full((n_symbols, 1), 50.0), close[:, :-1]], axis=1)
    opens_at = SESSION.opens_at + np.arange(n_minutes) * MINUTE
    frame = pd.DataFrame(
        {
            "symbol": np.repeat(symbols_of(n_symbols), n_minutes),
            "session_date": DAY,
            "opens_at": np.tile(pd.DatetimeIndex(opens_at), n_symbols),
            "open": opened.ravel(),
            "high": (np.maximum(opened, close) * 1.0002).ravel(),
            "low": (np.minimum(opened, close) * 0.9998).ravel(),
            "close": close.ravel(),
            "volume": rng.integers(100, 10_000, shape).astype("float64").ravel(),
            "is_regular": True,
            "vendor": "made",
        }
    )
    frame["closes_at"] = frame["opens_at"] + MINUTE
    frame["known_at"] = frame["closes_at"]
    return frame.sort_values(["closes_at", "symbol"], ignore_index=True)


def context(n_symbols):
    """Return a context that knows the symbols and nothing of the days before."""
    return SessionContext(
        session_date=DAY,
        session=SESSION.session,
        opens_at=SESSION.opens_at,
        n_minutes=390,
        symbols=np.array(symbols_of(n_symbols), dtype=object),
        is_equity=np.ones(n_symbols, dtype=bool),
        sector=np.zeros(n_symbols, dtype="int64"),
        index_at=-1,
        levels=np.full((n_symbols, k.N_LEVELS), np.nan),
        curves=np.full((20, n_symbols, 390), np.nan),
        spread_shape=np.ones(390),
        vix=15.0,
    )


class MadeModel:
    """Says something of each fall alone, so that company never changes it."""

    version = "made-1"

    def speak(self, features):
        probability = 0.3 + (features["minutes_since_open"].to_numpy("float64") * 7 % 45) / 100
        tier = np.select([probability >= 0.6, probability >= 0.5], [1.0, 0.5], 0.0)
        return pd.DataFrame(
            {
                "probability": probability,
                "expected_r": probability * 2 - 1,
                "risk_tier": tier,
                "reasons_json": json.dumps([["minutes_since_open", 0.5, 1.0]]),
            }
        )


def scanner_of(n_symbols, *, mode="replay", told=NOTHING_TOLD, speaker=None, watched=None, **scan):
    """Return a scanner of made symbols; `scan` changes its settings."""
    config = CONFIG.scan.model_copy(update=scan)
    return Scanner(
        SessionScan(DAY, context(n_symbols), CONFIG.selloffs),
        speaker or MadeModel(),
        Coverage(SESSION.opens_at, SESSION.closes_at, config),
        mode=mode,
        scan="scan-1",
        rule=CONFIG.selloffs.trade,
        told=told,
        watched=frozenset(watched or symbols_of(n_symbols)),
    )


def replayed(scanner, minutes):
    """Return what a scanner says of minutes that come one after another."""
    parts = [scanner.advance(part, pd.Timestamp(now)) for now, part in minutes.groupby("closes_at")]
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
