"""What carries a planted signal: the close's place in its bar and the volume, and their score.

Both are read exactly from the bars: (close - low) / (high - low), and volume over its mean of
sixty sessions. The null market has them too; there they foretell nothing.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from trading_pipeline.domain.simulation.schedule import Floats, random_stream
from trading_pipeline.domain.simulation.volatility import Noise, autoregression

PLACE_PERSISTENCE = 0.97
VOLUME_PERSISTENCE = 0.93
VOLUME_MEAN_SESSIONS = 60
REGIME_EDGE_VIX = 20.0
CROWD_STEEPNESS = 2.0
# A close nearer the edge would need a range many times the body where the bar moved away from it.
LOWEST_PLACE = 0.25
# Mean and spread of the volume carrier over many markets, fixed so that a longer market
# standardises its first rows as a shorter one does.
VOLUME_CENTRE, VOLUME_SPREAD = -0.07, 0.434

Signal = Literal["none", "linear", "interaction", "regime"]


@dataclass(frozen=True, slots=True)
class Carriers:
    """Per session and symbol: `place` [0.25..0.75], `volume` [shares of the first day], `score`."""

    place: Floats
    volume: Floats
    score: Floats


def mean_of_last(values: Floats, n_sessions: int) -> Floats:
    """Return the mean of the last `n_sessions` rows, fewer where the rows begin."""
    total = np.cumsum(values, axis=0)
    total[n_sessions:] -= np.cumsum(values, axis=0)[:-n_sessions]
    counts = np.minimum(np.arange(1, len(values) + 1), n_sessions)
    return np.asarray(total / counts[:, None])


def signal_carriers(seed: int, signal: Signal, noise: Noise) -> Carriers:
    """Return the carriers of every row of `noise` and the score that moves the next sessions.

    The score has about unit variance: (place + volume) for `linear` and `none`; for `interaction`
    the place with a sign that turns, smoothly, where volume crosses its mean; for `regime` the
    place with a sign that turns where the VIX reaches 20.
    """
    from scipy.special import ndtr

    shape = noise.volatility.shape
    place = autoregression(random_stream(seed, 9).standard_normal(shape), PLACE_PERSISTENCE)
    habit = autoregression(random_stream(seed, 10).standard_normal(shape), VOLUME_PERSISTENCE)
    usual = random_stream(seed, 11).normal(14.5, 0.8, shape[1])
    volume = np.rint(np.exp(usual + 0.45 * habit + 0.15 * (noise.surprise - 0.75)))
    crowd = np.log(volume / mean_of_last(volume, VOLUME_MEAN_SESSIONS))
    crowd = (crowd - VOLUME_CENTRE) / VOLUME_SPREAD
    if signal == "interaction":
        score = place * np.tanh(CROWD_STEEPNESS * crowd) / 0.81
    elif signal == "regime":
        score = place * np.where(noise.vix < REGIME_EDGE_VIX, 1.0, -1.0)[:, None]
    else:
        score = (place + crowd) / np.sqrt(2)
    return Carriers(
        place=LOWEST_PLACE + (1 - 2 * LOWEST_PLACE) * ndtr(place), volume=volume, score=score
    )
