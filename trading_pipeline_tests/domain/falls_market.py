"""Simulated markets of falls for tests, and the trade rule written once more, bar by bar."""

from datetime import date

import numpy as np

from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.simulation.falls import simulate_falls


def falls_config(n_minutes=60, oracle_auc=0.7, seed=3, n_symbols=6, n_before=20):
    """Return the settings of a market from September 2010 on, a half-day among its falls."""
    return SimulationConfig(
        n_symbols=n_symbols,
        n_sessions=n_before + n_minutes,
        first_session=date(2010, 9, 1),
        seed=seed,
        signal="falls",
        oracle_auc=oracle_auc,
        minute_sessions=n_minutes,
        minute_symbols=n_symbols,
    )


def falls_market(*args, **kwargs):
    """Return the market of these settings."""
    return simulate_falls(falls_config(*args, **kwargs))


def by_symbol_and_day(minute):
    """Return {(symbol, New York date): (4, minutes) array of open, high, low, close}."""
    local = minute["ts"].dt.tz_localize("UTC").dt.tz_convert("America/New_York")
    days = local.dt.tz_localize(None).dt.normalize()
    return {
        key: part[["open", "high", "low", "close"]].to_numpy().T
        for key, part in minute.groupby([minute["symbol"], days])
    }


def first_bars(bars, rungs):
    """Return {rung: number of the first bar whose low reaches it} of one session."""
    session_open, low = bars[0, 0], bars[2]
    reached = {rung: np.flatnonzero(low <= session_open * (1 - rung)) for rung in rungs}
    return {rung: int(at[0]) for rung, at in reached.items() if len(at)}


def reverses(bars, bar, rung, delay):
    """Return whether the trade of one fall reaches its target before its stop and the close."""
    opening, high, low, _ = bars
    at = bar + 1 + delay
    fall_low, entry = low[: bar + 1].min(), opening[at]
    stop = min(fall_low * 0.999, entry * (1 - rung / 4))
    target = fall_low + 0.5 * (opening[0] - fall_low)
    assert entry < target
    for number in range(at, bars.shape[1]):
        if low[number] <= stop:
            return False
        if high[number] >= target:
            return True
    return False
