"""The baselines a model must beat: volatility alone, momentum alone, LightGBM as it comes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from trading_pipeline.contracts.vocabulary import BASELINES
from trading_pipeline.domain.ensemble.members import feature_matrix
from trading_pipeline.domain.ensemble.metrics import Floats, logistic_line, logit, sigmoid
from trading_pipeline.domain.ensemble.path import TrainingPath
from trading_pipeline.domain.ensemble.training import Panel, TrainingSet
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK
from trading_pipeline.domain.splits.training import training_rows

VOLATILITY_ONLY, MOMENTUM, PLAIN_LIGHTGBM = BASELINES
# All that the volatility-only baseline knows.
VOLATILITY_FEATURES = ("volatility_20", "volatility_60")
BASELINE_FEATURES = (*VOLATILITY_FEATURES, MOMENTUM)
# LightGBM's own default.
PLAIN_ROUNDS = 100


def baselines(
    path: TrainingPath, chosen: TrainingSet, judged: Panel, columns: Sequence[str]
) -> pd.DataFrame:
    """Return the probability of label 1 by each baseline, one column each, of judged rows.

    ``chosen`` are the rows the judged model was fitted on, ``columns`` the features it may use.
    The panels hold ``BASELINE_FEATURES`` too.
    """
    volatility = volatility_only(
        path.panel.X.iloc[chosen.rows],
        path.panel.label[chosen.rows],
        judged.X,
        features=VOLATILITY_FEATURES,
        sample_weight=chosen.weights,
    )
    plain = plain_lightgbm(path, FINAL_BLOCK, columns, path.judged_features(judged))
    momentum = session_place(judged.rows["session"], judged.X[MOMENTUM])
    return pd.DataFrame(
        {VOLATILITY_ONLY: volatility, MOMENTUM: momentum, PLAIN_LIGHTGBM: plain},
        index=judged.rows.index,
    )


def plain_lightgbm(
    path: TrainingPath, block: int, columns: Sequence[str], asked: pd.DataFrame
) -> Floats:
    """Probability of label 1 for the rows ``asked`` by LightGBM with its library's defaults.

    Fitted on the rolling window of a block as it is: no archive, no balance, no weights, no
    search. ``columns`` are features of the panel and of ``asked``.
    """
    import lightgbm

    rows = training_rows(
        path.panel.rows, path.protocol, path.opens[block], path.config.splits.window_sessions, None
    ).rows
    options = {
        "objective": "binary",
        "num_threads": path.config.runtime.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbose": -1,
    }
    known = feature_matrix(path.features(block).iloc[rows], columns)
    data = lightgbm.Dataset(known, path.panel.label[rows], params=options)
    booster = lightgbm.train(options, data, PLAIN_ROUNDS)
    return np.asarray(booster.predict(feature_matrix(asked, columns)), dtype=np.float64)


def session_place(session: ArrayLike, score: ArrayLike) -> Floats:
    """Place of each score within its session, above 0 and below 1; a missing score is 0.5.

    Equal scores share their mean place. Shapes (n,).
    """
    by_session = pd.Series(np.asarray(score, dtype=np.float64)).groupby(np.asarray(session))
    place = (by_session.rank() - 0.5) / by_session.transform("count")
    return place.fillna(0.5).to_numpy(np.float64)


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
