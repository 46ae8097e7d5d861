"""Sharpe ratios and how much of one is luck: block bootstrap, probabilistic and deflated Sharpe.

Source: Bailey and López de Prado, *The Sharpe Ratio Efficient Frontier* (2012) and *The Deflated
Sharpe Ratio* (2014); Politis and Romano, *A Circular Block-Resampling Procedure* (1992).
"""

from math import e, sqrt
from statistics import NormalDist

import numpy as np

from trading_pipeline.domain.backtest.costs import SESSIONS_PER_YEAR
from trading_pipeline.domain.backtest.grid import Floats

EULER_GAMMA = 0.5772156649015329


def sharpe(returns: Floats) -> float:
    """Return the Sharpe ratio per session; NaN for fewer than 3 returns or without movement."""
    if returns.size < 3:
        return float("nan")
    spread = returns.std(ddof=1)
    # Equal returns leave rounding behind, which is no movement.
    if spread <= 1e-12 * max(1e-12, np.abs(returns).max()):
        return float("nan")
    return float(returns.mean() / spread)


def annual_sharpe(returns: Floats) -> float:
    """Return the Sharpe ratio per year of 252 sessions."""
    return sharpe(returns) * sqrt(SESSIONS_PER_YEAR)


def sharpe_sd(returns: Floats, block_sessions: int, n_samples: int, seed: int) -> float:
    """Return the standard deviation of the annual Sharpe over circular block resamples.

    NaN where the returns hold fewer than two blocks: too few to tell.
    """
    if returns.size < 2 * block_sessions:
        return float("nan")
    n_blocks = -(-returns.size // block_sessions)
    starts = np.random.default_rng(seed).integers(returns.size, size=(n_samples, n_blocks))
    rows = (starts[:, :, None] + np.arange(block_sessions)) % returns.size
    samples = returns[rows.reshape(n_samples, -1)[:, : returns.size]]
    spread = samples.std(axis=1, ddof=1)
    if not (spread > 0).all():
        return float("nan")
    return float((samples.mean(axis=1) / spread).std(ddof=1) * sqrt(SESSIONS_PER_YEAR))


def probabilistic_sharpe(returns: Floats, benchmark: float = 0.0) -> float:
    """Return the chance that the true Sharpe per session lies above `benchmark`; NaN if unknown.

    Skewed or fat-tailed returns make a ratio less certain; both enter the formula.
    """
    ratio = sharpe(returns)
    if np.isnan(ratio):
        return float("nan")
    variance = _shape_variance(returns, ratio)
    return NormalDist().cdf((ratio - benchmark) * sqrt((returns.size - 1) / variance))


def expected_best_sharpe(n_trials: int, n_returns: int, variance: float = float("nan")) -> float:
    """Return the best Sharpe per session expected of `n_trials` tries without any skill.

    `variance` is that of the tries' own ratios per session; where it is unknown (NaN) it is that
    of the estimator without skill, 1 / (n - 1). One try is no choice: 0.
    """
    if n_trials < 2:
        return 0.0
    normal = NormalDist()
    best = (1 - EULER_GAMMA) * normal.inv_cdf(1 - 1 / n_trials)
    best += EULER_GAMMA * normal.inv_cdf(1 - 1 / (n_trials * e))
    if np.isnan(variance):
        return best / sqrt(n_returns - 1)
    return best * sqrt(variance)


def deflated_sharpe(returns: Floats, n_trials: int, variance: float = float("nan")) -> float:
    """Return the chance that the Sharpe beats the best of `n_trials` tries without skill.

    `variance` is that of the tries' ratios per session, NaN where unknown.
    """
    if np.isnan(sharpe(returns)):
        return float("nan")
    benchmark = expected_best_sharpe(n_trials, returns.size, variance)
    return probabilistic_sharpe(returns, benchmark)


def min_track_record(returns: Floats, confidence: float) -> float:
    """Return the sessions after which such a Sharpe is above zero with that confidence.

    Infinite where the ratio is not above zero, NaN where it is unknown. Source: Bailey and López
    de Prado (2012).
    """
    ratio = sharpe(returns)
    if np.isnan(ratio):
        return float("nan")
    if ratio <= 0:
        return float("inf")
    return 1 + _shape_variance(returns, ratio) * (NormalDist().inv_cdf(confidence) / ratio) ** 2


def _shape_variance(returns: Floats, ratio: float) -> float:
    """Return n - 1 times the variance of the Sharpe, given skew and tails of the returns."""
    z = (returns - returns.mean()) / returns.std()
    return float(1 - (z**3).mean() * ratio + ((z**4).mean() - 1) / 4 * ratio**2)
