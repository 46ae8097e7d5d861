"""Curves and intervals of predictions that overlap in time.

Labels of neighbouring sessions share most of their span, so rows are no independent draws: every
interval here treats a block of two horizons of sessions as one draw.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BLOCK_SESSIONS = 40
INTERVAL_SD = 2.57
FEWEST_BLOCKS = 3
N_STEPS = 400


@dataclass(frozen=True)
class Interval:
    """A value with its ends; the ends are NaN where too few blocks speak."""

    value: float
    low: float
    high: float


def _blocks(session: NDArray[np.int64], length: int = BLOCK_SESSIONS) -> NDArray[np.int64]:
    return np.asarray((session - session.min()) // length, dtype="int64")


def roc_curve(
    probability: NDArray[np.float64], label: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false and true positive rates from (0, 0) to (1, 1); ties are one step.

    Raises ValueError where a class is missing.
    """
    if label.min() == label.max():
        raise ValueError("a ROC curve needs rows of both labels")
    order = np.argsort(-probability, kind="stable")
    ordered = label[order]
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    positive = np.cumsum(ordered)[last_of_tie]
    negative = np.cumsum(1 - ordered)[last_of_tie]
    return np.append(0.0, negative / negative[-1]), np.append(0.0, positive / positive[-1])


def auc_interval(
    probability: NDArray[np.float64], label: NDArray[np.int64], session: NDArray[np.int64]
) -> Interval:
    """Return the AUC (on 400 steps of probability) with a block-jackknife interval.

    Source: Künsch, *The jackknife and the bootstrap for general stationary observations* (1989).
    """
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, N_STEPS + 1)[1:-1]))
    step = np.searchsorted(edges, probability, side="right")
    _, block = np.unique(_blocks(session), return_inverse=True)
    shape = (int(block.max()) + 1, 2, edges.size + 1)
    cell = np.ravel_multi_index((block, label, step), shape)
    counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape).astype("float64")
    total = counts.sum(axis=0)
    value = float(_area(total[None])[0])
    if shape[0] < FEWEST_BLOCKS:
        return Interval(value, np.nan, np.nan)
    left_out = _area(total[None] - counts)
    n = shape[0]
    half = INTERVAL_SD * float(np.sqrt((n - 1) / n * np.sum((left_out - left_out.mean()) ** 2)))
    return Interval(value, max(value - half, 0.0), min(value + half, 1.0))


def _area(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the AUC of each (label, step) table: wins plus half the ties."""
    negative, positive = counts[:, 0], counts[:, 1]
    below = np.cumsum(negative, axis=1) - negative
    wins = np.sum(positive * (below + 0.5 * negative), axis=1)
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    area = np.full(len(wins), np.nan)
    np.divide(wins, pairs, out=area, where=pairs > 0)
    return area


def reliability(
    probability: NDArray[np.float64],
    label: NDArray[np.int64],
    session: NDArray[np.int64],
    n_bins: int,
    block_sessions: int = BLOCK_SESSIONS,
) -> pd.DataFrame:
    """Return predicted, observed, low, high, n_rows of bins with about equal counts.

    The ends come from block-clustered errors and are NaN under three blocks of
    `block_sessions`; the default suits labels of 20 sessions.
    """
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, n_bins + 1)[1:-1]))
    frame = pd.DataFrame(
        {
            "bin": np.searchsorted(edges, probability, side="right"),
            "block": _blocks(session, block_sessions),
            "probability": probability,
            "label": label,
        }
    )
    rows = []
    for _, part in frame.groupby("bin", sort=True):
        observed = float(part["label"].mean())
        residual = (part["label"] - observed).groupby(part["block"]).sum()
        n_blocks, half = len(residual), np.nan
        if n_blocks >= FEWEST_BLOCKS:
            spread = float(np.sqrt((residual**2).sum() * n_blocks / (n_blocks - 1)))
            half = INTERVAL_SD * spread / len(part)
        rows.append(
            {
                "predicted": float(part["probability"].mean()),
                "observed": observed,
                "low": float(np.clip(observed - half, 0, 1)),
                "high": float(np.clip(observed + half, 0, 1)),
                "n_rows": len(part),
            }
        )
    return pd.DataFrame(rows)
