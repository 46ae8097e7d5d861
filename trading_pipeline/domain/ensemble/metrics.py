"""What a set of probabilities is worth: ranking, calibration and accuracy of plain arrays.

Every function takes natural, unweighted rows in any order and gives NaN where a score is not
defined (one class only, no row): "could not tell" is never a number.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Beyond this a logit says "certain" and only its rounding would speak.
LOGIT_LIMIT = 8.0


def logit(probability: ArrayLike) -> Floats:
    """Log odds of probabilities (any shape), clipped to ±8."""
    p = np.asarray(probability, dtype=np.float64)
    low = 1.0 / (1.0 + np.exp(LOGIT_LIMIT))
    p = np.clip(p, low, 1.0 - low)
    return np.asarray(np.log(p / (1.0 - p)), dtype=np.float64)


def sigmoid(log_odds: ArrayLike) -> Floats:
    """Probability of log odds (any shape)."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(log_odds, dtype=np.float64))))


def auc(probability: ArrayLike, label: ArrayLike) -> float:
    """Chance that a row of label 1 ranks above a row of label 0; ties count half.

    Shapes (n,). Exact, by ranks. Source: Mann and Whitney (1947).
    """
    from scipy.stats import rankdata

    y = np.asarray(label) > 0
    n_up = int(y.sum())
    n_down = y.size - n_up
    if n_up == 0 or n_down == 0:
        return float("nan")
    ranks = rankdata(np.asarray(probability, dtype=np.float64))
    return float((ranks[y].sum() - n_up * (n_up + 1) / 2) / (n_up * n_down))


def accuracy(probability: ArrayLike, label: ArrayLike) -> float:
    """Share of rows on the right side of probability 0.5."""
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(label) > 0
    return float(((p > 0.5) == y).mean()) if y.size else float("nan")


def brier(probability: ArrayLike, label: ArrayLike) -> float:
    """Mean squared distance of probability and label."""
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(label, dtype=np.float64)
    return float(((p - y) ** 2).mean()) if y.size else float("nan")


def expected_calibration_error(probability: ArrayLike, label: ArrayLike, n_bins: int = 10) -> float:
    """Mean gap of probability and frequency over bins of equal mass, weighted by rows.

    Equal probabilities share a bin, so the order of the rows cannot matter.
    Source: Naeini, Cooper and Hauskrecht (2015).
    """
    from scipy.stats import rankdata

    p, y = np.asarray(probability, dtype=np.float64), np.asarray(label, dtype=np.float64)
    if y.size == 0:
        return float("nan")
    bins = ((rankdata(p) - 0.5) * n_bins / y.size).astype(np.intp)
    gap = np.bincount(bins, weights=p - y, minlength=n_bins)
    return float(np.abs(gap).sum() / y.size)


def logistic_line(
    log_odds: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None
) -> tuple[float, float]:
    """Intercept and slope of the logistic regression of the label on one score.

    Shapes (n,). NaN where the score is constant or one class is absent. Newton steps with a
    ridge of one part in a million, so that separable rows stay finite.
    """
    x, y = np.asarray(log_odds, dtype=np.float64), np.asarray(label, dtype=np.float64)
    w = np.ones_like(y) if weight is None else np.asarray(weight, dtype=np.float64)
    if y.size == 0 or y.min() == y.max() or x.min() == x.max():
        return float("nan"), float("nan")
    w = w / w.sum()
    centre, scale = float((w * x).sum()), float(x.std())
    u = (x - centre) / scale
    intercept = slope = 0.0
    ridge = 1e-6
    for _ in range(50):
        p = sigmoid(intercept + slope * u)
        h = w * p * (1.0 - p)
        g0, g1 = float((w * (y - p)).sum()), float((w * (y - p) * u).sum()) - ridge * slope
        h00, h01 = float(h.sum()), float((h * u).sum())
        h11 = float((h * u * u).sum()) + ridge
        det = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / det, (h00 * g1 - h01 * g0) / det
        # A bounded step keeps Newton from overshooting where the sigmoid is flat.
        shrink = min(1.0, 2.0 / max(abs(step0), abs(step1), 1e-300))
        intercept, slope = intercept + shrink * step0, slope + shrink * step1
        if max(abs(step0), abs(step1)) < 1e-10:
            break
    return intercept - slope * centre / scale, slope / scale


def session_rank_ic(
    probability: ArrayLike, outcome: ArrayLike, session: ArrayLike
) -> tuple[NDArray[np.int64], Floats]:
    """Sessions in order and the Spearman correlation of probability and outcome in each.

    Shapes (n,). NaN for a session of fewer than three rows, or where either side is constant.
    """
    import pandas as pd

    rows = pd.DataFrame(
        {
            "session": np.asarray(session, dtype=np.int64),
            "p": np.asarray(probability, dtype=np.float64),
            "r": np.asarray(outcome, dtype=np.float64),
        }
    ).dropna()
    rows = rows.sort_values(["session", "p", "r"], kind="stable", ignore_index=True)
    sessions, code = np.unique(rows["session"].to_numpy(), return_inverse=True)
    if sessions.size == 0:
        return sessions, np.empty(0)
    ranks = rows.groupby("session")[["p", "r"]].rank().to_numpy(np.float64)
    n = np.bincount(code).astype(np.float64)
    centred = ranks - ((n + 1.0) / 2.0)[code][:, None]
    cov = np.bincount(code, weights=centred[:, 0] * centred[:, 1])
    var_p = np.bincount(code, weights=centred[:, 0] ** 2)
    var_r = np.bincount(code, weights=centred[:, 1] ** 2)
    defined = (n >= 3) & (var_p > 0) & (var_r > 0)
    ic = np.full(sessions.size, np.nan)
    ic[defined] = cov[defined] / np.sqrt(var_p[defined] * var_r[defined])
    return sessions, ic
