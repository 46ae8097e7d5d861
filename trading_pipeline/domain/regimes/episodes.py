"""Crash episodes: when the price crashes, when a recovery is confirmed, and when it ends."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import RegimesConfig

# "At least 10 % above 100" must hold at 110, whatever binary fractions make of 1.1 x 100.
ROUNDING: Final = 1e-12


def drawdowns(close: pd.Series, config: RegimesConfig) -> pd.Series:
    """Return close / highest close of the crash window and today - 1; NaN where close is."""
    highest = close.rolling(config.crash_window_sessions + 1, min_periods=1).max()
    return close / highest - 1


def price_crashes(drawdown: pd.Series, config: RegimesConfig) -> NDArray[np.bool_]:
    """Return where the fall reaches `crash_drop_frac`; a missing fall is no crash."""
    return (drawdown <= config.crash_drop_frac + ROUNDING).to_numpy(dtype=bool)


@dataclass(slots=True)
class Episode:
    """One crash episode as far as it is known. `n_recovered` counts its recovery's sessions."""

    peak: float
    trough: float
    last_crash: int
    streak: int = 0
    n_recovered: int = 0
    is_spent: bool = False

    def step(self, position: int, close: float, is_price_crash: bool, rules: RegimesConfig) -> None:
        """Move one session on. A missing close breaks the streak and ends nothing."""
        if is_price_crash or close < self.trough:
            # A new fall: the next recovery must be confirmed afresh.
            self.trough = min(self.trough, close)
            self.streak, self.n_recovered, self.is_spent = 0, 0, False
        elif close >= self.peak:
            self.n_recovered, self.is_spent = 0, True
        elif self.n_recovered:
            self.n_recovered += 1
            if self.n_recovered > rules.recovery_max_sessions:
                self.n_recovered, self.is_spent = 0, True
        elif not self.is_spent:
            is_risen = close / self.trough >= 1 + rules.recovery_rise_frac - ROUNDING
            self.streak = self.streak + 1 if is_risen else 0
            is_recent = position - self.last_crash <= rules.recovery_within_sessions
            if self.streak >= rules.recovery_confirm_sessions and is_recent:
                self.n_recovered = 1


@dataclass(frozen=True, slots=True)
class Recoveries:
    """Per session: how many sessions the recovery has lasted (0: none), and the rise above it."""

    n_sessions: NDArray[np.int64]
    rise_frac: NDArray[np.float64]


def find_recoveries(
    close: NDArray[np.float64],
    is_price_crash: NDArray[np.bool_],
    is_crash_band: NDArray[np.bool_],
    rules: RegimesConfig,
) -> Recoveries:
    """Return the recoveries of an index, each known from its own past alone.

    A crash session is a price crash, or a crash band outside a recovery. An episode opens with the
    first crash session after `episode_calm_sessions` without one; its peak is the highest close of
    those sessions, its trough the lowest close since it opened. A recovery that ran its length or
    regained the peak is not repeated before a new low or a new price crash.

    Args:
        close: Closes of the broad index, one per session, oldest first; NaN where missing.
        is_price_crash: The price rule of each session.
        is_crash_band: The VIX band is crash.
        rules: Settings of the stage.
    """
    n_sessions = np.zeros(len(close), dtype="int64")
    rise = np.full(len(close), np.nan)
    episode: Episode | None = None
    for position in range(len(close)):
        price, fell = float(close[position]), bool(is_price_crash[position])
        if episode is not None:
            episode.step(position, price, fell, rules)
            n_sessions[position] = episode.n_recovered
            rise[position] = price / episode.trough - 1
        if fell or (is_crash_band[position] and not n_sessions[position]):
            calm = rules.episode_calm_sessions
            if episode is None or position - episode.last_crash > calm:
                before = close[max(position - calm, 0) : position]
                # Without an earlier close there is no peak to regain; without one today, the
                # first close that follows is the low.
                peak = np.fmax.reduce(before) if len(before) else np.nan
                episode = Episode(float(peak), np.inf if np.isnan(price) else price, position)
            episode.last_crash = position
    return Recoveries(n_sessions, rise)
