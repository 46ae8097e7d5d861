"""How much of a search is luck: its trials' Sharpe ratios, their number, overfit probability.

Source: Bailey, Borwein, López de Prado and Zhu, *The Probability of Backtest Overfitting* (2015);
Bailey and López de Prado, *The Deflated Sharpe Ratio* (2014), its appendix on trials that depend
on each other; Künsch, *The Jackknife and the Bootstrap for General Stationary Observations* (1989).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from trading_pipeline.domain.backtest.grid import Floats

# More groups than these say nothing new: there are 924 ways to halve twelve.
MOST_GROUPS = 12
FEWEST_GROUPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class TrialReturns:
    """Return series of one block's complete trials over the same periods.

    ``values`` (n_periods, n_trials) has no missing value; ``periods`` (n_periods,) holds the
    ordinals of their first sessions, in order.
    """

    block: int
    periods: Floats
    values: Floats


def trial_returns_of(trials: pd.DataFrame) -> list[TrialReturns]:
    """Return the series of every block, by block; a block without two trials has none.

    `trials` is sweeps.trials. Periods that one of a block's trials lacks are left out.
    """
    complete = trials[trials["state"] == "complete"].sort_values(["block", "learner", "trial"])
    blocks = []
    for block, part in complete.groupby("block", sort=True):
        told = [series for series in part["returns_json"].dropna().map(json.loads) if series]
        if len(told) < 2:
            continue
        table = pd.DataFrame(told).T.dropna()
        table.index = table.index.astype("int64")
        table = table.sort_index()
        blocks.append(
            TrialReturns(
                int(str(block)), table.index.to_numpy("float64"), table.to_numpy("float64")
            )
        )
    return blocks


def column_sharpes(values: Floats) -> Floats:
    """Return the Sharpe ratio per period of each column; 0 for a column that never moves."""
    spread = values.std(axis=0, ddof=1)
    moves = spread > 1e-12
    ratios: Floats = np.where(moves, values.mean(axis=0) / np.where(moves, spread, 1.0), 0.0)
    return ratios


def sharpe_variance(blocks: list[TrialReturns], min_periods: int) -> float:
    """Return the variance of the trials' Sharpe ratios per period, pooled within the blocks.

    Trials of different blocks saw different years, which is no difference of skill. NaN where
    no block has `min_periods` periods.
    """
    kept = [column_sharpes(b.values) for b in blocks if b.periods.size >= min_periods]
    if not kept:
        return float("nan")
    squares = sum(float(((ratios - ratios.mean()) ** 2).sum()) for ratios in kept)
    return float(squares / sum(ratios.size - 1 for ratios in kept))


def effective_trials(values: Floats, n_trials: int) -> float:
    """Return how many independent trials `n_trials` of such correlation are worth.

    mean correlation + (1 - mean correlation) x n, the mean taken over pairs of columns that
    move and cut at zero; NaN where fewer than two move.
    """
    moving = values[:, values.std(axis=0) > 1e-12]
    k = moving.shape[1]
    if k < 2:
        return float("nan")
    correlation = np.corrcoef(moving, rowvar=False)
    mean = max((float(correlation.sum()) - k) / (k * (k - 1)), 0.0)
    return float(mean + (1 - mean) * n_trials)


def overfit_probability(values: Floats, n_groups: int = MOST_GROUPS) -> float:
    """Return the chance that the best trial in one half of time is below the median in the other.

    `values` (n_periods, n_trials) in time order. Time is cut in `n_groups` (even) consecutive
    groups; every half of them in turn chooses the trial of highest Sharpe, which is ranked in
    the rest (combinatorially symmetric cross-validation). A rank at the median counts half.
    """
    n_periods, n_trials = values.shape
    groups = np.array_split(np.arange(n_periods), n_groups)
    count = np.array([rows.size for rows in groups], dtype="float64")
    first = np.array([values[rows].sum(axis=0) for rows in groups])
    second = np.array([(values[rows] ** 2).sum(axis=0) for rows in groups])
    halves = list(combinations(range(n_groups), n_groups // 2))
    chosen = np.zeros((len(halves), n_groups))
    chosen[np.repeat(np.arange(len(halves)), n_groups // 2), np.ravel(halves)] = 1.0

    def ratios(weights: Floats) -> Floats:
        n = (weights @ count)[:, None]
        mean = weights @ first / n
        variance = np.maximum(weights @ second / n - mean**2, 0.0)
        moves = variance > 1e-24
        found: Floats = np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
        return found

    best = ratios(chosen).argmax(axis=1)
    outside = ratios(1.0 - chosen)
    own = outside[np.arange(len(halves)), best][:, None]
    below = (outside < own).sum(axis=1)
    equal = (outside == own).sum(axis=1) - 1
    rank = below + equal / 2 + 1
    middle = (n_trials + 1) / 2
    return float(np.mean((rank < middle) + 0.5 * (rank == middle)))


def groups_for(n_periods: int) -> int:
    """Return the even number of groups that leaves each at least four periods; 0 for too few."""
    n_groups = min(MOST_GROUPS, n_periods // 4 // 2 * 2)
    return n_groups if n_groups >= FEWEST_GROUPS else 0


def jackknife_sd(
    values: Floats, figure: Callable[[Floats], float], n_groups: int = MOST_GROUPS
) -> float:
    """Return the standard deviation of a figure by leaving out one stretch of time after another.

    `values` (n, ...) is in time order and cut in `n_groups` consecutive groups, longer than the
    dependence between observations. NaN where a figure without a group is not known.
    """
    kept = [
        figure(np.delete(values, rows, axis=0))
        for rows in np.array_split(np.arange(len(values)), n_groups)
    ]
    found = np.array(kept)
    return float(np.sqrt((n_groups - 1) / n_groups * ((found - found.mean()) ** 2).sum()))
