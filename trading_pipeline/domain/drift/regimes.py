"""How much of the last sessions each regime holds, against the training window."""

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import DriftConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.drift.score import window_sums

REGIME_COLUMNS = (
    "model_version",
    "session_date",
    "regime",
    "share_trained",
    "share_live",
    "threshold",
    "is_drifted",
    "n_trained",
    "n_live",
)


def score_regimes(
    trained: pd.DataFrame, live: pd.DataFrame, config: DriftConfig, model_version: str
) -> pd.DataFrame:
    """Return drift.regimes at the last live session: one row per regime, none without a session.

    A regime has drifted where it holds more of the last `window_sessions` sessions than in the
    `feature_quantile` of windows drawn from the training span. Missing, and never drifted, where
    there are fewer sessions than a window, or the span holds fewer than two. It is watched and
    asks for no retrain: training weighs regimes by itself.

    Args:
        trained: session_date and regime of the training window, one row a session.
        live: The same of the sessions since, in any order.
        config: Window and bootstrap.
        model_version: The model in service.
    """
    if live.empty:
        return pd.DataFrame({name: [] for name in REGIME_COLUMNS})
    trained, live = (rows.sort_values("session_date") for rows in (trained, live))
    window = config.window_sessions
    flags = np.array([trained["regime"] == name for name in REGIMES], dtype="int64").T
    last = live.tail(window)
    threshold = np.full(len(REGIMES), np.nan)
    if len(trained) >= 2 * window:
        drawn = np.random.default_rng(config.seed).integers(
            len(trained) - window + 1, size=config.bootstrap_samples
        )
        shares = window_sums(flags, window)[drawn] / window
        threshold = np.quantile(shares, config.feature_quantile, axis=0)
    share = np.array([(last["regime"] == name).mean() for name in REGIMES])
    if len(last) < window:
        share[:] = np.nan
    return pd.DataFrame(
        {
            "model_version": pd.Series([model_version] * len(REGIMES), dtype=object),
            "session_date": live["session_date"].iloc[-1],
            "regime": pd.Series(REGIMES, dtype=object),
            "share_trained": flags.mean(axis=0) if len(trained) else np.nan,
            "share_live": share,
            "threshold": threshold,
            "is_drifted": share > threshold,
            "n_trained": len(trained),
            "n_live": len(last),
        }
    )
