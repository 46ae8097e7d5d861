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
# How far from the edge the regime of the coming sessions can be told.
REGIME_EDGE_WIDTH = 4.0
CROWD_STEEPNESS = 2.0
# A close nearer the edge would need a range many times the body where the bar moved away from it.
LOWEST_PLACE = 0.25
# Mean and spread of the volume carrier over many markets, fixed so that a longer market
# standardises its first rows as a shorter one does.
VOLUME_CENTRE, VOLUME_SPREAD = -0.07, 0.434

Signal = Literal["none", "linear", "interaction", "regime"]


@dataclass(frozen=True, slots=True)
class Carriers:
    """Per session and symbol: `place` [0.25..0.75], `volume` [shares of the first day], `score`.

    `terms` (n_terms, sessions, symbols) are what is known of the score's future in a session.
    """

    place: Floats
    volume: Floats
    score: Floats
    terms: Floats


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
    calm = np.tanh((REGIME_EDGE_VIX - noise.vix) / REGIME_EDGE_WIDTH)[:, None]
    if signal == "interaction":
        score = place * np.tanh(CROWD_STEEPNESS * crowd) / 0.81
        terms = [score, place * np.tanh(crowd), place * np.tanh(habit)]
    elif signal == "regime":
        score = place * np.where(noise.vix < REGIME_EDGE_VIX, 1.0, -1.0)[:, None]
        terms = [score, place * calm]
    else:
        score = (place + crowd) / np.sqrt(2)
        terms = [place, crowd, habit]
    return Carriers(
        place=LOWEST_PLACE + (1 - 2 * LOWEST_PLACE) * ndtr(place),
        volume=volume,
        score=score,
        terms=np.stack(terms),
    )


def foreseen_score(carriers: Carriers, base: slice, horizon: int) -> Floats:
    """Return what can be known in each session of the score's sum over the horizon.

    The carriers fade at different speeds, so the score of today is not the best guess of the
    next `horizon` sessions. The sum is regressed on the carriers' known terms over the base
    market, where it is known without noise; the mean over symbols is taken off, because labels
    are relative to the session's median. Shape (sessions, symbols).
    """
    score = carriers.score[base]
    total = np.cumsum(np.vstack([np.zeros((1, score.shape[1])), score]), axis=0)
    future = total[horizon:] - total[:-horizon]
    known = carriers.terms[:, base][:, : len(future)].reshape(len(carriers.terms), -1)
    weights, *_ = np.linalg.lstsq(known.T, future.ravel(), rcond=None)
    # Term by term: a longer market must give the same bits for the rows they share.
    foreseen = sum(weight * term for weight, term in zip(weights, carriers.terms, strict=True))
    return np.asarray(foreseen - foreseen.mean(axis=1, keepdims=True))
