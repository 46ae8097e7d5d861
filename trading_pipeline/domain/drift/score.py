"""How far the last sessions lie from the training window, per feature and as a share of all.

A window is `window_sessions` consecutive sessions of all symbols. Windows drawn from inside the
training span show how far such a window lies from the rest by itself: an index return or the VIX
moves the whole market at once, so 20 sessions of it never look like five years of it. Only what
lies beyond that is drift.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import DriftConfig
from trading_pipeline.domain.drift.psi import (
    Counts,
    Floats,
    bin_values,
    cut_edges,
    population_stability_index,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the training span calls ordinary: per feature (n_features,), and for the share."""

    feature: Floats
    share: float


def score_drift(
    reference: pd.DataFrame,
    live: pd.DataFrame,
    features: list[str],
    config: DriftConfig,
    model_version: str,
    trained_session: int | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (drift.features at the last live session, drift.sessions), both empty without one.

    `reference` and `live` hold rows of features.daily in any order: session_date, session and the
    columns `features`; `reference` those of the model's training window, `live` those of the
    sessions since. A missing value is a bin of its own: data that stop coming are drift. The
    first `window_sessions - 1` live sessions fill no window and are not assessable: their share is
    missing. So is every share where the reference holds fewer than two windows.

    `trained_session` is the last session that had been ingested when the model, or the challenger
    after it, was trained; age counts the live sessions after it, by default all of them.

    Raises ValueError where there is no feature or no reference row.
    """
    if not features or reference.empty:
        raise ValueError("drift needs features and training rows to compare with; got none")
    sessions, dates, live_row = session_rows(live)
    trained_sessions, _, trained_row = session_rows(reference)
    shape = len(features), 2 * config.n_bins
    trained_counts = np.zeros((trained_sessions.size, *shape), dtype="int64")
    live_counts = np.zeros((sessions.size, *shape), dtype="int64")
    window = config.window_sessions
    n_trained, n_live = (np.zeros(len(features), dtype="int64") for _ in range(2))
    distance = np.full(len(features), np.nan)
    is_last = live_row >= max(sessions.size - window, 0)
    for place, name in enumerate(features):
        trained_values = reference[name].to_numpy("float64")
        live_values = live[name].to_numpy("float64")
        ordered = np.sort(trained_values[~np.isnan(trained_values)])
        edges = cut_edges(ordered, config.n_bins)
        trained_counts[:, place] = count_bins(
            trained_row, bin_values(trained_values, edges), shape[1]
        )
        live_counts[:, place] = count_bins(live_row, bin_values(live_values, edges), shape[1])
        last_values = live_values[is_last]
        last_values = np.sort(last_values[~np.isnan(last_values)])
        n_trained[place], n_live[place] = ordered.size, last_values.size
        if sessions.size >= window:
            distance[place] = largest_distance(ordered, last_values)

    limits = training_limits(trained_counts, config)
    moved = population_stability_index(trained_counts.sum(axis=0), window_sums(live_counts, window))
    psi = np.full((sessions.size, len(features)), np.nan)
    psi[sessions.size - len(moved) :] = moved
    is_drifted = (psi > config.psi_drifted) & (psi > limits.feature)
    share = _share(is_drifted, psi, limits.feature)
    is_beyond = share > limits.share
    trained_at = -1 if trained_session is None else trained_session
    by_session = pd.DataFrame(
        {
            "model_version": pd.Series([model_version] * sessions.size, dtype=object),
            "session_date": dates,
            "session": sessions,
            "share_drifted": share,
            "share_threshold": limits.share,
            "is_beyond": is_beyond,
            "n_running": count_running(is_beyond),
            "age_sessions": np.cumsum(sessions > trained_at),
        }
    )
    by_feature = pd.DataFrame(
        {
            "model_version": pd.Series([model_version] * len(features), dtype=object),
            "session_date": dates[-1] if sessions.size else pd.NaT,
            "feature": pd.Series(features, dtype=object),
            "psi": psi[-1] if sessions.size else np.nan,
            "ks": distance,
            "threshold": limits.feature,
            "is_drifted": is_drifted[-1] if sessions.size else False,
            "status": _status(psi[-1], is_drifted[-1], config) if sessions.size else "",
            "n_reference": n_trained,
            "n_live": n_live,
        }
    )
    return (by_feature if sessions.size else by_feature.iloc[:0]), by_session


def training_limits(counts: Counts, config: DriftConfig) -> Limits:
    """Return what windows inside the training span do by themselves.

    `counts` has shape (n_sessions, n_features, n_bins). A feature's limit is the
    `feature_quantile` of the PSI of its windows; the share's limit is the `share_quantile` of the
    share of features beyond their limits in the same windows. Missing for fewer than two windows.
    """
    psi = ordinary_psi(counts, config)
    if not len(psi):
        return Limits(np.full(counts.shape[1], np.nan), float("nan"))
    limit = np.quantile(psi, config.feature_quantile, axis=0)
    # Crises move all features at once. Held against limits that had not seen its crisis, a window
    # of one would set a share that no shift of some features ever reaches.
    share = ((psi > config.psi_drifted) & (psi > limit)).mean(axis=1)
    return Limits(feature=limit, share=float(np.quantile(share, config.share_quantile)))


def ordinary_psi(counts: Counts, config: DriftConfig) -> Floats:
    """Return the PSI of windows inside a span against the rest of it, (n_samples, n_features).

    `counts` has shape (n_sessions, n_features, n_bins). Windows start at sessions drawn with the
    seed; there is none where the span holds fewer than two.
    """
    n_sessions, n_features, _ = counts.shape
    window = config.window_sessions
    if n_sessions < 2 * window:
        return np.empty((0, n_features))
    drawn = np.random.default_rng(config.seed).integers(
        n_sessions - window + 1, size=config.bootstrap_samples
    )
    inside = window_sums(counts, window)[drawn]
    return population_stability_index(counts.sum(axis=0) - inside, inside)


def window_sums(counts: Counts, window: int) -> Counts:
    """Return sums over `window` consecutive rows: n - window + 1 of them, none where n is less."""
    if len(counts) < window:
        return counts[:0]
    sums = np.cumsum(counts, axis=0)
    sums[window:] = sums[window:] - sums[:-window]
    return sums[window - 1 :]


def largest_distance(trained: Floats, live: Floats) -> float:
    """Return the largest distance of two distribution functions (Kolmogorov and Smirnov).

    Both samples ascend; NaN where one is empty.
    """
    if not trained.size or not live.size:
        return float("nan")
    # The distance is largest at a live value, or just below one.
    steps = np.arange(live.size + 1) / live.size
    above = steps[np.searchsorted(live, live, "right")]
    below = steps[np.searchsorted(live, live, "left")]
    to_value = np.searchsorted(trained, live, "right") / trained.size
    to_below = np.searchsorted(trained, live, "left") / trained.size
    return float(max(np.abs(above - to_value).max(), np.abs(below - to_below).max()))


def session_rows(
    frame: pd.DataFrame,
) -> tuple[NDArray[np.int64], pd.DatetimeIndex, NDArray[np.intp]]:
    """Return the sessions in order, their dates, and the place of each row's session."""
    sessions, first, row = np.unique(
        frame["session"].to_numpy("int64"), return_index=True, return_inverse=True
    )
    return sessions, pd.DatetimeIndex(frame["session_date"].to_numpy()[first]), row


def count_bins(row: NDArray[np.intp], bins: NDArray[np.int64], n_bins: int) -> Counts:
    """Return how many rows of each session fall into each bin, shape (n_sessions, n_bins)."""
    n_sessions = int(row.max()) + 1 if row.size else 0
    counted = np.bincount(row * n_bins + bins, minlength=n_sessions * n_bins)
    return counted.reshape(n_sessions, n_bins)


def _share(is_drifted: NDArray[np.bool_], psi: Floats, limit: Floats) -> Floats:
    """Return the share of assessable features that drifted; NaN where none is assessable."""
    n_known = (np.isfinite(psi) & np.isfinite(limit)).sum(axis=1)
    with np.errstate(invalid="ignore"):
        share: Floats = is_drifted.sum(axis=1) / np.where(n_known > 0, n_known, np.nan)
    return share


def _status(psi: Floats, is_drifted: NDArray[np.bool_], config: DriftConfig) -> NDArray[np.object_]:
    """Return each feature's state in one word; far but ordinary for the feature is watched."""
    words = np.full(psi.shape, "stable", dtype=object)
    words[psi >= config.psi_watch] = "watch"
    words[is_drifted] = "drifted"
    words[np.isnan(psi)] = "not_assessable"
    return words


def count_running(is_beyond: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return, per session, for how many sessions in a row it has been beyond."""
    place = np.arange(1, is_beyond.size + 1)
    last_calm = np.maximum.accumulate(np.where(is_beyond, 0, place))
    return place - last_calm
