"""Whether any of several books beats a benchmark, counting that the best was looked for.

Source: Hansen, *A Test for Superior Predictive Ability* (2005); the stationary bootstrap of
Politis and Romano (1994).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.domain.backtest.grid import Floats


class SpaTest(NamedTuple):
    """p-values of "no book is better than the benchmark"; `lower` and `upper` bound it."""

    p: float
    lower: float
    upper: float


def superior_ability(
    differences: Floats, mean_block_sessions: float, n_samples: int, seed: int
) -> SpaTest:
    """Return the test on returns minus the benchmark's, shape (n_sessions, n_books).

    The studentised maximum of the mean differences is compared with its bootstrap distribution.
    Books that are clearly worse than the benchmark do not count (the consistent p-value); none of
    them counting, or all of them, gives its bounds. A book that never differs is left out; NaN
    where none differs. Raises ValueError where a difference is missing.
    """
    if not np.isfinite(differences).all():
        raise ValueError("a difference is missing; keep the sessions that both have")
    differences = differences[:, differences.std(axis=0) > 1e-12]
    n, k = differences.shape
    if k == 0 or n < 3:
        return SpaTest(float("nan"), float("nan"), float("nan"))
    mean = differences.mean(axis=0)
    scale = np.sqrt(_long_run_variance(differences - mean, mean_block_sessions))
    statistic = max(float((np.sqrt(n) * mean / scale).max()), 0.0)
    rows = stationary_rows(n, mean_block_sessions, n_samples, seed)
    resampled = np.stack([differences[sample].mean(axis=0) for sample in rows])
    is_near = mean >= -scale * np.sqrt(2 * np.log(np.log(n)) / n)
    centres = {
        "p": np.where(is_near, mean, 0.0),
        "lower": np.maximum(mean, 0.0),
        "upper": mean,
    }
    found = {
        name: np.maximum((np.sqrt(n) * (resampled - centre) / scale).max(axis=1), 0.0)
        for name, centre in centres.items()
    }
    # The sample itself is one of the draws, so that no p-value is zero.
    return SpaTest(
        **{
            name: float((1 + (draws >= statistic).sum()) / (1 + n_samples))
            for name, draws in found.items()
        }
    )


def stationary_rows(
    n: int, mean_block_sessions: float, n_samples: int, seed: int
) -> NDArray[np.int64]:
    """Return rows of the stationary bootstrap, shape (n_samples, n): circular blocks whose
    lengths are geometric with the given mean."""
    random = np.random.default_rng(seed)
    is_new = random.random((n_samples, n)) < 1 / mean_block_sessions
    is_new[:, 0] = True
    starts = random.integers(n, size=(n_samples, n))
    place = np.arange(n)
    began = np.maximum.accumulate(np.where(is_new, place, 0), axis=1)
    return (np.take_along_axis(starts, began, axis=1) + place - began) % n


def _long_run_variance(centred: Floats, mean_block_sessions: float) -> Floats:
    """Return the variance of sqrt(n) times the mean of each column under that bootstrap."""
    n = len(centred)
    keep = 1 - 1 / mean_block_sessions
    lags = np.arange(1, n)
    weights = (n - lags) / n * keep**lags + lags / n * keep ** (n - lags)
    transform = np.fft.rfft(centred, 2 * n, axis=0)
    products = np.fft.irfft(np.abs(transform) ** 2, 2 * n, axis=0)[:n] / n
    variance: Floats = products[0] + 2 * (weights[:, None] * products[1:]).sum(axis=0)
    return np.maximum(variance, 1e-30)
