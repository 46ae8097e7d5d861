"""What moves a model's score, by regime: the learners' own contributions of every feature.

Contributions are SHAP values in log odds as each library computes them; with the expectation they
add up to the raw score of the row. Source: Lundberg et al., *From local explanations to global
understanding with explainable AI for trees* (2020).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.vocabulary import REGIMES, UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.members import Member, feature_matrix
from trading_pipeline.domain.ensemble.metrics import LOGIT_LIMIT, Floats, logit
from trading_pipeline.domain.ensemble.scores import (
    ALL_REGIMES,
    SessionBootstrap,
    holdout_bootstrap,
)

Rows = NDArray[np.intp]

# Learners whose library gives contributions of its own.
NATIVE = ("lightgbm", "xgboost", "catboost")
MEAN = "mean"
# [log odds] Two of the libraries sum in single precision.
TOLERANCE = 1e-3
# Of standardised ranks: what varies less than this is a constant and its rounding.
LEAST_VARIANCE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What each feature adds to a learner's log odds.

    ``parts`` of shape (n_rows, n_features) in the order of ``features``; ``base`` (n_rows,) is
    the expectation.
    """

    learner: str
    features: tuple[str, ...]
    parts: Floats
    base: Floats


def stratified_rows(
    rows: pd.DataFrame, per_regime: int, seed: int
) -> tuple[Rows, NDArray[np.float64]]:
    """Draw at most `per_regime` rows of each regime; each stands for as many as it was drawn from.

    ``rows`` has symbol, session and regime, in any order. Gives positions in order of session and
    symbol, and how many rows each one stands for: weighted so, they are the natural rows again.
    """
    order = np.lexsort((rows["symbol"].to_numpy(str), rows["session"].to_numpy()))
    regime = rows["regime"].to_numpy(object)[order]
    random = np.random.default_rng(seed)
    stands_for = np.zeros(len(rows))
    for name in (*REGIMES, UNKNOWN_REGIME):
        held = np.flatnonzero(regime == name)
        n_drawn = min(per_regime, held.size)
        if n_drawn:
            stands_for[random.choice(held, n_drawn, replace=False)] = held.size / n_drawn
    drawn = np.flatnonzero(stands_for)
    return order[drawn], stands_for[drawn]


def contributions_of(member: Member, X: pd.DataFrame) -> Contributions:
    """Return a learner's contributions to the rows of a frame that holds its features.

    Raises ValueError where they do not add up to the learner's own log odds.
    """
    matrix = feature_matrix(X, member.recipe.features)
    raw = member.model.contributions(matrix)
    total = np.clip(raw.sum(axis=1), -LOGIT_LIMIT, LOGIT_LIMIT)
    gap = float(np.abs(total - logit(member.model.predict(matrix))).max(initial=0.0))
    if not gap <= TOLERANCE:
        raise ValueError(
            f"contributions of {member.recipe.learner} miss its log odds by {gap:.2g}; "
            "the installed library and the stored model do not fit together"
        )
    return Contributions(member.recipe.learner, member.recipe.features, raw[:, :-1], raw[:, -1])


def mean_contributions(explained: Sequence[Contributions]) -> Contributions:
    """Return the mean over learners: the parts of the mean log odds, where the stack begins.

    A feature that a learner does not read adds nothing to it.
    """
    features = sorted({name for one in explained for name in one.features})
    place = {name: i for i, name in enumerate(features)}
    parts = np.zeros((len(explained[0].base), len(features)))
    for one in explained:
        parts[:, [place[name] for name in one.features]] += one.parts
    base = np.mean([one.base for one in explained], axis=0)
    return Contributions(MEAN, tuple(features), parts / len(explained), base)


def explain(
    members: Sequence[Member],
    X: pd.DataFrame,
    rows: pd.DataFrame,
    stands_for: NDArray[np.float64],
    horizon: int,
    config: GateConfig,
) -> pd.DataFrame:
    """Explain every learner that can be, and their mean, over all rows and by regime.

    Args:
        members: Fitted learners; those that are not ``NATIVE`` are left out.
        X: Features of the rows, NaN as missing.
        rows: symbol, session and regime on the same index.
        stands_for: How many natural rows each row stands for.
        horizon: [sessions] of a label.
        config: Resamples, their interval, and the fewest independent horizons.

    Returns:
        Columns of ensemble.explanations without model_version and protocol_id, by learner, regime
        and rank. A sign is told where the relation's interval is clear of zero.

    Raises:
        ValueError: No learner can be explained, or contributions do not add up.
    """
    explained = [contributions_of(m, X) for m in members if m.recipe.learner in NATIVE]
    if not explained:
        raise ValueError(f"no learner gives contributions; use one of {', '.join(NATIVE)}")
    bootstrap = holdout_bootstrap(rows, horizon, config)
    regime, session = rows["regime"].to_numpy(object), rows["session"].to_numpy(np.int64)
    tables = []
    for one in [mean_contributions(explained), *sorted(explained, key=lambda e: e.learner)]:
        values = feature_matrix(X, one.features)
        for name in (ALL_REGIMES, *REGIMES, UNKNOWN_REGIME):
            held = np.flatnonzero((regime == name) | (name == ALL_REGIMES))
            if not held.size:
                continue
            weight = stands_for[held]
            n_sessions = int(np.unique(session[held]).size)
            table = _importance(one, held, weight)
            relations = _relations(values[held], one.parts[held], weight, session[held], bootstrap)
            table[["relation", "relation_low", "relation_high"]] = relations
            table["is_assessable"] = n_sessions / horizon >= config.min_horizons
            table["n_rows"], table["n_sessions"] = len(held), n_sessions
            table["n_horizons"] = n_sessions / horizon
            tables.append(table.assign(regime=name).sort_values("rank"))
    return with_flips(pd.concat(tables, ignore_index=True))


def with_flips(table: pd.DataFrame) -> pd.DataFrame:
    """Add `sign`, and `is_flipped` where two assessable regimes contradict each other.

    ``table`` has learner, feature, regime, is_assessable and the ends of the relation's interval.
    """
    low, high = table["relation_low"], table["relation_high"]
    sign = (low > 0).astype("float64") - (high < 0)
    is_told = table["is_assessable"] & low.notna() & high.notna()
    sign = sign.where(is_told)
    by_regime = sign.where(table["regime"].isin(REGIMES), 0.0)
    keys = [table["learner"], table["feature"]]
    most, least = (by_regime.groupby(keys).transform(name) for name in ("max", "min"))
    is_flipped = (by_regime.abs() == 1) & (most == 1) & (least == -1)
    return table.assign(sign=sign.astype("Int64"), is_flipped=is_flipped)


def _importance(one: Contributions, held: Rows, weight: Floats) -> pd.DataFrame:
    """Weighted mean size of each contribution, its share and rank; ties by name."""
    importance = (np.abs(one.parts[held]) * weight[:, None]).sum(axis=0) / weight.sum()
    total = importance.sum()
    order = np.lexsort((np.asarray(one.features), -importance))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return pd.DataFrame(
        {
            "learner": one.learner,
            "feature": list(one.features),
            "importance": importance,
            "share_frac": importance / total if total > 0 else importance,
            "rank": rank,
        }
    )


def _relations(
    values: NDArray[np.float32],
    parts: Floats,
    weight: Floats,
    session: NDArray[np.int64],
    bootstrap: SessionBootstrap,
) -> Floats:
    """Rank correlation of value and contribution with its interval, shape (n_features, 3).

    Rows without a value are left out; NaN where either side is constant.
    """
    from scipy.stats import rankdata

    known = np.isfinite(values)
    w = weight[:, None] * known
    x, f = (
        _standardised(rankdata(np.where(known, side, np.inf), axis=0), w)
        for side in (values, parts)
    )
    moments = np.hstack([w, w * x, w * f, w * x * x, w * f * f, w * x * f])
    whole = _correlation(moments.sum(axis=0, keepdims=True))[0]
    samples = _correlation(bootstrap.sums(session, moments))
    ends = [bootstrap.around(float(v), s) for v, s in zip(whole, samples.T, strict=True)]
    # A correlation ends at one, whatever the width of its interval.
    return np.clip([[e.value, e.low, e.high] for e in ends], -1.0, 1.0)


def _standardised(ranks: Floats, w: Floats) -> Floats:
    """Centre and scale each column, so that sums of squares lose no digits."""
    total = np.maximum(w.sum(axis=0), 1e-300)
    centred = ranks - (w * ranks).sum(axis=0) / total
    spread = np.sqrt((w * centred**2).sum(axis=0) / total)
    return np.asarray(centred / np.where(spread > 0, spread, 1.0), dtype=np.float64)


def _correlation(moments: Floats) -> Floats:
    """Correlation of each feature from its six sums, shape (n, 6 p) to (n, p)."""
    n, sx, sf, sxx, sff, sxf = np.split(moments, 6, axis=1)
    n = np.where(n > 0, n, np.nan)
    var_x, var_f = sxx / n - (sx / n) ** 2, sff / n - (sf / n) ** 2
    defined = (var_x > LEAST_VARIANCE) & (var_f > LEAST_VARIANCE)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (sxf / n - sx * sf / n**2) / np.sqrt(var_x * var_f)
    return np.where(defined, np.clip(correlation, -1.0, 1.0), np.nan)
