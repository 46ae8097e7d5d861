"""The planted chance that a fall reverses, from what is known when it is detected.

Busy sessions reverse more often, and after a gap up a slow fall does: the gap says nothing about
a fast one. Nothing else moves the chance.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from trading_pipeline.domain.simulation.schedule import Floats, random_stream

BASE_RATE = 0.35  # on real minute bars 20 to 35 % of the falls reverse
GAP_SPREAD, VOLUME_SPREAD = 0.008, 0.45
SLOW_MINUTES, SLOW_WIDTH = 30.0, 0.35
FASTEST, SLOWEST = 4.0, 120.0  # [minutes] from the high to the first rung
LATEST = 180.0  # [minutes] from the first rung to a deeper one
STRONGEST, BISECTIONS = 8.0, 40
CALIBRATION_STREAM, CALIBRATION_ROWS = 43, 20_000


def fall_score(
    volume_ratio: ArrayLike, gap_frac: ArrayLike, minutes_from_high: ArrayLike
) -> Floats:
    """Return the planted score, about centred at zero.

    `volume_ratio` is the session's volume so far over the mean of the last sessions by the same
    minute, `gap_frac` the open over the close before less one.
    """
    crowd = np.log(np.asarray(volume_ratio, dtype="float64")) / VOLUME_SPREAD
    pace = np.log(np.asarray(minutes_from_high, dtype="float64") / SLOW_MINUTES) / SLOW_WIDTH
    gap = np.asarray(gap_frac, dtype="float64") / GAP_SPREAD
    return np.asarray(crowd + gap / (1 + np.exp(-pace)))


def chance(score: ArrayLike, strength: tuple[float, float]) -> Floats:
    """Return the probability of reversal; `strength` is the logit's constant and slope."""
    constant, slope = strength
    return np.asarray(1 / (1 + np.exp(-(constant + slope * np.asarray(score)))))


@lru_cache(maxsize=16)
def planted_strength(oracle_auc: float) -> tuple[float, float]:
    """Return constant and slope at which the chance has `oracle_auc` and the mean BASE_RATE.

    The AUC, 0.5 to 0.95, is the expected one of falls as the simulation draws them: half of them
    reach the first rung, the others a deeper one up to three hours later.
    """
    rng = random_stream(0, CALIBRATION_STREAM)
    crowd = np.exp(VOLUME_SPREAD * rng.standard_normal(CALIBRATION_ROWS))
    gap = GAP_SPREAD * rng.standard_normal(CALIBRATION_ROWS)
    pace = np.exp(rng.uniform(np.log(FASTEST), np.log(SLOWEST), CALIBRATION_ROWS))
    later = rng.uniform(0, LATEST, CALIBRATION_ROWS) * (rng.random(CALIBRATION_ROWS) < 0.5)
    score = np.sort(fall_score(crowd, gap, pace + later))
    low, high = 0.0, STRONGEST
    for _ in range(BISECTIONS):
        slope = (low + high) / 2
        reached = _expected_auc(chance(score, (_constant(score, slope), slope)))
        low, high = (slope, high) if reached < oracle_auc else (low, slope)
    slope = 0.0 if oracle_auc <= 0.5 else high
    return _constant(score, slope), slope


def _constant(score: Floats, slope: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        is_low = chance(score, (middle, slope)).mean() < BASE_RATE
        low, high = (middle, high) if is_low else (low, middle)
    return (low + high) / 2


def _expected_auc(chances: Floats) -> float:
    """Return the AUC that chances, sorted upwards, have on average over their own outcomes."""
    fails = np.cumsum(1 - chances) - (1 - chances)
    ties = 0.5 * (1 - chances)
    return float((chances * (fails + ties)).sum() / (chances.sum() * (1 - chances).sum()))
