"""The baseline a model must beat: knowing only how volatile a stock is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trading_pipeline.domain.ensemble.metrics import Floats, logistic_line, logit, sigmoid

VOLATILITY_ONLY = "volatility_only"


def volatility_only(
    train: pd.DataFrame,
    label: ArrayLike,
    test: pd.DataFrame,
    *,
    features: Sequence[str],
    sample_weight: ArrayLike | None = None,
) -> Floats:
    """Probability of label 1 for the rows of ``test`` from realised volatility alone.

    ``features`` are volatility columns of both frames. They are standardised by the training
    rows, missing values become the training mean, and their average enters a logistic line
    whose slope may have either sign. The base rate where volatility is constant.
    Raises ValueError where no volatility column is given.
    """
    if not features:
        raise ValueError("the volatility baseline needs at least one volatility column")
    columns = list(features)
    known, asked = train[columns].to_numpy(np.float64), test[columns].to_numpy(np.float64)
    present = np.isfinite(known)
    n = np.maximum(present.sum(axis=0), 1)
    centre = np.where(present, known, 0.0).sum(axis=0) / n
    spread = np.sqrt(np.where(present, (known - centre) ** 2, 0.0).sum(axis=0) / n)
    scale = np.where(spread > 0, spread, 1.0)

    def score(values: Floats) -> Floats:
        standard = (values - centre) / scale
        # Volatility has a long tail: a few wild rows must not set the line.
        bounded = np.clip(np.where(np.isfinite(standard), standard, 0.0), -4.0, 4.0)
        return np.asarray(bounded.mean(axis=1), dtype=np.float64)

    y = np.asarray(label, dtype=np.float64)
    w = np.ones_like(y) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    intercept, slope = logistic_line(score(known), y, w)
    if not np.isfinite(slope):
        intercept, slope = float(logit((w * y).sum() / w.sum())), 0.0
    return sigmoid(intercept + slope * score(asked))
