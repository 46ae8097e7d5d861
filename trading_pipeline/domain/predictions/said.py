"""What a model says of the rows of one session: probabilities and the reasons for them."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.vocabulary import UNKNOWN_REGIME
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york
from trading_pipeline.domain.ensemble.members import Member, feature_matrix, predict_stack
from trading_pipeline.domain.ensemble.stack import STACK, Stack
from trading_pipeline.domain.predictions.speakers import Speaker

REASON_DIGITS = 4
PREDICTION_COLUMNS = (
    "prediction_id",
    "symbol",
    "session_date",
    "session",
    "role",
    "model_version",
    "probability",
    "known_at",
    "predicted_at",
    "horizon_sessions",
    "regime",
    "reasons",
    "is_backfilled",
)


def say_sessions(
    members: Sequence[Member],
    stack: Stack,
    rows: pd.DataFrame,
    X: pd.DataFrame,
    speaker: Speaker,
    *,
    horizon_sessions: int,
    n_reasons: int,
    last_session: int,
) -> pd.DataFrame:
    """Return rows of predictions.live, in order of session and symbol.

    Each session is predicted by itself: no rounding depends on what else was asked for, and a
    backfill equals live to the bit.

    Args:
        members: Fitted base learners.
        stack: Their second level, calibrated.
        rows: symbol, session_date, session, known_at of the features and point-in-time regime.
        X: Features of the rows on the same index, NaN as missing.
        speaker: Who speaks, in which role; only rows inside its span are said.
        horizon_sessions: Sessions ahead that the model foresees.
        n_reasons: Features named as reasons, at most.
        last_session: Last session of the data: what is said of an earlier one is a backfill.
    """
    inside = rows["session"].between(speaker.first_session, speaker.last_session)
    ordered = rows[inside].sort_values(["session", "symbol"])
    parts = []
    for _, own in ordered.groupby("session", sort=True):
        values = X.loc[own.index]
        regime = own["regime"].replace(UNKNOWN_REGIME, np.nan)
        dates = own["session_date"].dt.strftime("%Y-%m-%d")
        who = f"{speaker.role}:{speaker.model_version}:"
        parts.append(
            own[["symbol", "session_date", "session", "known_at", "regime"]].assign(
                prediction_id=who + own["symbol"] + ":" + dates,
                role=speaker.role,
                model_version=speaker.model_version,
                probability=predict_stack(members, stack, values, regime)[STACK],
                predicted_at=at_new_york(own["session_date"], DECISION_TIME),
                horizon_sessions=horizon_sessions,
                reasons=reasons_of(members, values, n_reasons),
                is_backfilled=own["session"] < last_session,
            )[list(PREDICTION_COLUMNS)]
        )
    return pd.concat(parts, ignore_index=True) if parts else no_predictions()


def reasons_of(members: Sequence[Member], X: pd.DataFrame, n_reasons: int) -> list[str]:
    """Return per row the features that moved the prediction most, as JSON text.

    A list of [feature, contribution], largest first: the SHAP value in log odds, averaged over
    the members whose learner gives its own; a feature that a member does not read moved it by
    zero. An empty list where no member gives any. Source: Lundberg and Lee (2017).
    """
    names = sorted({name for member in members for name in member.recipe.features})
    place = {name: i for i, name in enumerate(names)}
    total: NDArray[np.float64] = np.zeros((len(X), len(names)))
    n_asked = 0
    for member in members:
        if not member.model.has_contributions:
            continue
        n_asked += 1
        values = member.model.contributions(feature_matrix(X, member.recipe.features))
        total[:, [place[name] for name in member.recipe.features]] += values[:, :-1]
    if n_asked == 0:
        return ["[]"] * len(X)
    mean = np.round(total / n_asked, REASON_DIGITS)
    largest = np.argsort(-np.abs(mean), axis=1, kind="stable")[:, :n_reasons]
    return [
        json.dumps([[names[i], float(row[i])] for i in chosen if row[i] != 0.0])
        for row, chosen in zip(mean, largest, strict=True)
    ]


def no_predictions() -> pd.DataFrame:
    """Return rows of predictions.live where nothing is said."""
    kinds = {
        "session_date": "datetime64[ns]",
        "known_at": "datetime64[ns, UTC]",
        "predicted_at": "datetime64[ns, UTC]",
        "session": "int64",
        "horizon_sessions": "int64",
        "probability": "float64",
        "is_backfilled": "bool",
    }
    return pd.DataFrame(
        {name: pd.Series(dtype=kinds.get(name, "object")) for name in PREDICTION_COLUMNS}
    )
