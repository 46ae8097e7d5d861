"""The error replay buffer: which wrong predictions return to training, and for how long."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import ReplayConfig, SamplingConfig

Rows = NDArray[np.intp]

KEYS = ("symbol", "session")


def prediction_errors(
    predictions: pd.DataFrame, spans: pd.DataFrame, keys: Sequence[str] = KEYS
) -> pd.DataFrame:
    """Return how far the base learners' mean probability was from each label.

    Args:
        predictions: Rows of `ensemble.oof` by base learners: symbol, session_date, session,
            block, learner, oof_probability, label.
        spans: symbol, session and end_session of the labels predicted.
        keys: Columns that name a decision, in both frames.

    Returns:
        symbol, session_date, session, block, end_session, label, oof_probability (the mean) and
        error_frac in [0, 1], one row per decision.
    """
    ordered = predictions.sort_values([*keys, "learner"], kind="stable")
    groups = [*keys, "session_date", "block", "label"]
    mean = ordered.groupby(groups, sort=True)["oof_probability"].mean().reset_index()
    mean["error_frac"] = (mean["label"] - mean["oof_probability"]).abs()
    return mean.merge(spans[[*keys, "end_session"]], on=list(keys), validate="one_to_one")


def replay_buffer(
    errors: pd.DataFrame, before_session: int, config: ReplayConfig, keys: Sequence[str] = KEYS
) -> pd.DataFrame:
    """Return the worst errors that a fit may learn from, the worst first.

    Only labels whose span ended before the fit's cut count, as any row that trains for it, and
    only for `max_age_sessions` after they were known. Of these the share `worst_frac` is kept;
    equal errors go by session and symbol, the last of the keys first.

    Args:
        errors: What `prediction_errors` gives, of any blocks and in any order.
        before_session: Ordinal that no label span may reach.
        config: Share and age.
        keys: Columns that name a decision.

    Returns:
        The chosen rows with `place` (1 is the worst) and `age_sessions`.
    """
    age = before_session - errors["end_session"]
    resolved = errors[(age > 0) & (age <= config.max_age_sessions)]
    order = ["error_frac", *reversed(keys)]
    worst = resolved.sort_values(
        order, ascending=[name != "error_frac" for name in order], ignore_index=True
    ).head(int(config.worst_frac * len(resolved)))
    return worst.assign(
        place=np.arange(1, len(worst) + 1, dtype="int64"),
        age_sessions=before_session - worst["end_session"],
    )


def replay_keys(
    predictions: pd.DataFrame | None,
    spans: pd.DataFrame,
    before_session: int,
    sampling: SamplingConfig,
) -> pd.DataFrame | None:
    """Return symbol and session of the rows a fit replays, the worst first.

    None where the settings leave replay out, or nothing was predicted yet.
    """
    if not sampling.use_replay or predictions is None:
        return None
    errors = prediction_errors(predictions, spans)
    return replay_buffer(errors, before_session, sampling.replay)[list(KEYS)]


def replayed_rows(
    rows: pd.DataFrame, replayed: pd.DataFrame, n_max: int, keys: Sequence[str] = KEYS
) -> Rows:
    """Return the places of the replayed decisions among `rows`, the worst first, capped.

    A decision that `rows` does not hold is left out.
    """
    held, wanted = (pd.MultiIndex.from_frame(side[list(keys)]) for side in (rows, replayed))
    places = held.get_indexer(wanted)
    return places[places >= 0][:n_max].astype(np.intp)


def replay_factors(drawn: Rows, replayed: Rows, config: ReplayConfig) -> NDArray[np.float64]:
    """Return what each drawn row's weight is multiplied by.

    Repeats count: the worst errors are raised until their draws reach `max_share` of all.
    """
    if not replayed.size:
        return np.ones(drawn.size)
    n_draws = np.bincount(drawn, minlength=int(replayed.max()) + 1)[replayed]
    raised = replayed[np.cumsum(n_draws) <= config.max_share * drawn.size]
    return np.where(np.isin(drawn, raised), config.weight, 1.0)
