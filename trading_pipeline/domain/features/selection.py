"""Which features a model may use: those that say something, once each, on training rows alone."""

import hashlib

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.domain.features.importance import gain_shares
from trading_pipeline.domain.features.relations import Judge, doubled_ranks
from trading_pipeline.domain.features.windows import WindowGroups

Values = NDArray[np.float64]

SAMPLE_ROWS = 20_000
# Two features are compared where both are present; on fewer rows nothing can be told.
MIN_PAIRS = 30
EPSILON = 1e-12
MEASURES = ("missing_frac", "score", "regime_score", "stability_z", "importance")


def select_features(
    frame: pd.DataFrame,
    label: pd.Series,
    regimes: pd.Series | None,
    config: FeaturesConfig,
    catalogue: pd.DataFrame,
    groups: WindowGroups | None = None,
    block_sessions: int = 40,
) -> pd.DataFrame:
    """Return features.selected without its block: what is kept, and why the rest is not.

    Args:
        frame: Training rows: symbol, session and the catalogue's features; any row order.
        label: 1 or 0 per row of `frame`, by position; rows with a missing label are left out.
        regimes: Regime per row, by position. With it a score is the mean over regimes, weighted
            by rows, so that telling regimes apart earns nothing; None pools all rows.
        config: `max_missing_frac`, `max_correlation`, `max_selected`, `unstable_z`,
            `use_importance`.
        catalogue: features.catalog; its order decides between equals.
        groups: Alternative windows. A trial uses one of them, so they never displace each other.
        block_sessions: Sessions that count as one observation of stability; two label spans.

    Returns:
        feature, is_selected, reason (kept, missing, constant, duplicate of X, unstable,
        correlated with X, over the limit), missing_frac, score, regime_score and stability_z as
        `Judge.relation` gives them (0, 0 and missing where it cannot be told), importance = share
        of a small boosting's gain. One row per feature, in the catalogue's order.

        Unstable is what contradicts itself within a regime by `unstable_z` and is worth less than
        an equal share to the boosting. A relation that turns with the regime is no fault: a model
        can tell when. Of features that correlate the one with the greatest worth is kept: score,
        regime_score and importance, each as a share of all features'.

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
    judge = Judge.of_rows(
        is_up,
        frame["session"].to_numpy("int64")[order],
        None if regimes is None else regimes.to_numpy(object)[order],
        block_sessions,
    )

    table = pd.DataFrame(0.0, index=names, columns=list(MEASURES))
    reasons: dict[str, str] = {}
    seen: dict[bytes, str] = {}
    picked = np.unique(np.linspace(0, order.size - 1, min(order.size, SAMPLE_ROWS)).astype(int))
    sample: dict[str, Values] = {}
    for name in names:
        values = frame[name].to_numpy("float64")[order]
        missing = float(np.isnan(values).mean())
        table.loc[name, "missing_frac"] = missing
        # Adding zero makes -0.0 and 0.0 the same bytes.
        digest = hashlib.blake2b((values + 0.0).tobytes(), digest_size=16).digest()
        if missing > config.max_missing_frac or missing == 1:
            reasons[name] = "missing"
        elif np.nanmin(values) == np.nanmax(values):
            reasons[name] = "constant"
        else:
            relation = judge.relation(values)
            table.loc[name, list(MEASURES[1:4])] = (
                relation.score,
                relation.regime_score,
                relation.contradiction,
            )
            if digest in seen:
                reasons[name] = f"duplicate of {seen[digest]}"
            else:
                seen[digest] = name
                sample[name] = values[picked]
    distinct = list(sample)
    if config.use_importance and distinct:
        columns = np.column_stack([sample[name] for name in distinct]).astype("float32")
        table.loc[distinct, "importance"] = gain_shares(columns, is_up[picked])
    shares = table[["score", "regime_score", "importance"]]
    worth = (shares / shares.sum().clip(lower=EPSILON)).sum(axis=1)
    is_unstable = table["stability_z"] >= config.unstable_z
    if config.use_importance:
        is_unstable &= table["importance"] < 1 / max(len(distinct), 1)
    reasons |= {name: "unstable" for name in distinct if is_unstable[name]}
    candidates = [name for name in distinct if not is_unstable[name]]
    candidates.sort(key=lambda name: -worth[name])
    reasons |= _prune(candidates, sample, config, groups or {})
    table.insert(0, "reason", [reasons[name] for name in names])
    table.insert(0, "is_selected", table["reason"] == "kept")
    return table.rename_axis("feature").reset_index()


def _prune(
    candidates: list[str],
    sample: dict[str, Values],
    config: FeaturesConfig,
    groups: WindowGroups,
) -> dict[str, str]:
    """Return the reason of each candidate, the best first: kept, correlated with, over the limit.

    The best of what is left leads a cluster: all that correlate with it, its alternatives aside.
    """
    window_of = {
        column: (group, choice)
        for group, choices in groups.items()
        for choice, columns in choices.items()
        for column in columns
    }

    def are_alternatives(one: str, other: str) -> bool:
        mine, theirs = window_of.get(one), window_of.get(other)
        return mine is not None and theirs is not None and mine[0] == theirs[0] and mine != theirs

    correlation = rank_correlation(candidates, sample)
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


def rank_correlation(names: list[str], sample: dict[str, Values]) -> Values:
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
        ranks[row, present] = doubled_ranks(sample[name][present])
    present = (ranks > 0).astype("float64")
    n = present @ present.T
    total = ranks @ present.T
    squares = (ranks**2) @ present.T
    cross = n * (ranks @ ranks.T) - total * total.T
    spread = n * squares - total**2
    scale = np.sqrt(spread * spread.T)
    can_tell = (n >= MIN_PAIRS) & (scale > 0)
    return np.asarray(np.abs(np.divide(cross, scale, out=np.zeros_like(cross), where=can_tell)))
