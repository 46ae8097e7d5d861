"""Which features a model may use: those that say something, once each, on training rows alone."""

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import FeaturesConfig
from trading_pipeline.domain.features.windows import WindowGroups

Values = NDArray[np.float64]

SAMPLE_ROWS = 20_000
# Two features are compared where both are present; on fewer rows nothing can be told.
MIN_PAIRS = 30


def select_features(
    frame: pd.DataFrame,
    label: pd.Series,
    regimes: pd.Series | None,
    config: FeaturesConfig,
    catalogue: pd.DataFrame,
    groups: WindowGroups | None = None,
) -> pd.DataFrame:
    """Return features.selected without its block: what is kept, and why the rest is not.

    Args:
        frame: Training rows: symbol, session and the catalogue's features; any row order.
        label: 1 or 0 per row of `frame`, by position; rows with a missing label are left out.
        regimes: Regime per row, by position. With it a score is the mean over regimes, weighted
            by rows, so that telling regimes apart earns nothing; None pools all rows.
        config: `max_missing_frac`, `max_correlation`, `max_selected`.
        catalogue: features.catalog; its order decides between equals.
        groups: Alternative windows. A trial uses one of them, so they never displace each other.

    Returns:
        feature, is_selected, reason (kept, missing, constant, duplicate of X, correlated with X,
        over the limit), missing_frac, score = |AUC - 0.5| over the rows where the feature is
        present, 0 where it cannot be told. One row per feature, in the catalogue's order.

    Raises:
        ValueError: No row has a label, or lengths differ.
    """
    if len(label) != len(frame) or (regimes is not None and len(regimes) != len(frame)):
        raise ValueError(f"{len(frame)} rows but {len(label)} labels; align them by position")
    answers = label.to_numpy("float64", na_value=np.nan)
    order = np.lexsort((frame["symbol"].to_numpy(str), frame["session"].to_numpy()))
    order = order[~np.isnan(answers[order])]
    if order.size == 0:
        raise ValueError("no training row has a label; give rows whose labels are closed")
    names = catalogue["feature"].tolist()
    is_up = answers[order] > 0
    parts = _regime_parts(None if regimes is None else regimes.to_numpy()[order], order.size)

    reasons: dict[str, str] = {}
    missing = np.zeros(len(names))
    scores = np.zeros(len(names))
    seen: dict[bytes, str] = {}
    picked = np.unique(np.linspace(0, order.size - 1, min(order.size, SAMPLE_ROWS)).astype(int))
    sample: dict[str, Values] = {}
    for i, name in enumerate(names):
        values = frame[name].to_numpy("float64")[order]
        missing[i] = np.isnan(values).mean()
        # Adding zero makes -0.0 and 0.0 the same bytes.
        digest = hashlib.blake2b((values + 0.0).tobytes(), digest_size=16).digest()
        if missing[i] > config.max_missing_frac or missing[i] == 1:
            reasons[name] = "missing"
        elif np.nanmin(values) == np.nanmax(values):
            reasons[name] = "constant"
        else:
            scores[i] = _score(values, is_up, parts)
            if digest in seen:
                reasons[name] = f"duplicate of {seen[digest]}"
            else:
                seen[digest] = name
                sample[name] = values[picked]
    score_of = dict(zip(names, scores.tolist(), strict=True))
    candidates = sorted(sample, key=lambda name: -score_of[name])
    reasons |= _prune(candidates, sample, config, groups or {})
    return pd.DataFrame(
        {
            "feature": names,
            "is_selected": [reasons[name] == "kept" for name in names],
            "reason": [reasons[name] for name in names],
            "missing_frac": missing,
            "score": scores,
        }
    )


def _regime_parts(regimes: NDArray[np.object_] | None, n_rows: int) -> list[NDArray[np.intp]]:
    if regimes is None:
        return [np.arange(n_rows)]
    codes = pd.factorize(regimes, sort=True, use_na_sentinel=True)[0]
    return [np.flatnonzero(codes == code) for code in range(codes.max(initial=-1) + 1)]


def _doubled_ranks(values: Values) -> Values:
    """Return twice the mean rank from 1: whole numbers, so that sums of them are exact."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    starts = np.flatnonzero(np.append(True, ranked[1:] != ranked[:-1]))
    counts = np.diff(np.append(starts, values.size))
    doubled = np.empty(values.size)
    doubled[order] = np.repeat(2 * starts + counts + 1, counts)
    return doubled


def _score(values: Values, is_up: NDArray[np.bool_], parts: list[NDArray[np.intp]]) -> float:
    """Return |AUC - 0.5|, averaged with its sign over the parts, weighted by their rows."""
    total, n_rows = 0.0, 0
    for part in parts:
        rows = part[~np.isnan(values[part])]
        up = is_up[rows]
        n_up, n_down = int(up.sum()), int(up.size - up.sum())
        if n_up and n_down:
            wins = _doubled_ranks(values[rows])[up].sum() / 2 - n_up * (n_up + 1) / 2
            total += (wins / (n_up * n_down) - 0.5) * rows.size
            n_rows += rows.size
    return abs(total / n_rows) if n_rows else 0.0


def _prune(
    candidates: list[str],
    sample: dict[str, Values],
    config: FeaturesConfig,
    groups: WindowGroups,
) -> dict[str, str]:
    """Return the reason of each candidate, the best first: kept, correlated with, over the limit"""
    window_of = {
        column: (group, choice)
        for group, choices in groups.items()
        for choice, columns in choices.items()
        for column in columns
    }

    def are_alternatives(one: str, other: str) -> bool:
        mine, theirs = window_of.get(one), window_of.get(other)
        return mine is not None and theirs is not None and mine[0] == theirs[0] and mine != theirs

    correlation = _rank_correlation(candidates, sample)
    reasons: dict[str, str] = {}
    kept: list[int] = []
    for i, name in enumerate(candidates):
        rivals = [
            candidates[k]
            for k in kept
            if correlation[i, k] > config.max_correlation
            and not are_alternatives(name, candidates[k])
        ]
        if rivals:
            reasons[name] = f"correlated with {rivals[0]}"
        elif len(kept) == config.max_selected:
            reasons[name] = "over the limit"
        else:
            reasons[name] = "kept"
            kept.append(i)
    return reasons


def _rank_correlation(names: list[str], sample: dict[str, Values]) -> Values:
    """Return |Pearson correlation| of the ranks, each pair over the rows where both are present.

    Ranks are taken once per feature. All sums are of whole numbers below 2^53, so they do not
    depend on the order or the threads in which they are added.
    """
    if not names:
        return np.zeros((0, 0))
    ranks = np.empty((len(names), sample[names[0]].size))
    for row, name in enumerate(names):
        present = ~np.isnan(sample[name])
        ranks[row] = 0.0
        ranks[row, present] = _doubled_ranks(sample[name][present])
    present = (ranks > 0).astype("float64")
    n = present @ present.T
    total = ranks @ present.T
    squares = (ranks**2) @ present.T
    cross = n * (ranks @ ranks.T) - total * total.T
    spread = n * squares - total**2
    scale = np.sqrt(spread * spread.T)
    can_tell = (n >= MIN_PAIRS) & (scale > 0)
    return np.asarray(np.abs(np.divide(cross, scale, out=np.zeros_like(cross), where=can_tell)))
