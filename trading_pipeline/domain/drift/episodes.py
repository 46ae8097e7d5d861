"""Spells of drift: when the policy fires, one episode opens and asks for one retrain."""

from typing import TypedDict

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import DriftConfig

OPEN, COOLED, PROMOTED = "open", "cooled", "promoted"
FEATURES, SCORES, OUTCOMES, AGE = "features", "scores", "outcomes", "age"
EPISODE_COLUMNS = (
    "episode_id",
    "model_version",
    "opened_date",
    "reason",
    "share_drifted",
    "last_date",
    "state",
)


class Episode(TypedDict):
    """One row of drift.episodes."""

    episode_id: str
    model_version: str
    opened_date: pd.Timestamp
    reason: str
    share_drifted: float
    last_date: pd.Timestamp
    state: str


def find_episodes(
    previous: pd.DataFrame,
    sessions: pd.DataFrame,
    predictions: pd.DataFrame,
    config: DriftConfig,
    model_version: str,
) -> pd.DataFrame:
    """Return drift.episodes: the previous ones, brought up to the last session.

    `previous` holds rows of drift.episodes, possibly none; `sessions` and `predictions` those of
    drift.sessions and drift.predictions; `model_version` is the model now in service. The policy
    fires where the share of drifted features, the spread of the scores or the live AUC has been
    beyond its limit for `confirm_sessions` sessions running, or where more than
    `max_age_sessions` sessions have passed since training; the first of these is the reason. An
    episode opens when it fires and
    none is open, and cools after `cooldown_sessions` sessions in which it does not. One of a model
    no longer in service is closed as promoted. Applied to its own result, it changes nothing.
    """
    before = previous.sort_values(["opened_date", "model_version"], ignore_index=True)
    is_own = before["model_version"] == model_version
    replaced = ~is_own & (before["state"] == OPEN)
    before.loc[replaced, "state"] = PROMOTED
    own = sessions[sessions["model_version"] == model_version].sort_values("session")
    said = predictions[predictions["model_version"] == model_version].set_index("session")
    own = own.assign(
        **{name: own["session"].map(said[name]).fillna(0) for name in ("n_spread", "n_worse")}
    )
    after = _walk(_records(before[is_own]), own, config, model_version)
    rows = [*_records(before[~is_own]), *after]
    frame = pd.DataFrame(rows, columns=list(EPISODE_COLUMNS)).astype(
        {
            "opened_date": "datetime64[ns]",
            "last_date": "datetime64[ns]",
            "share_drifted": "float64",
        }
    )
    return frame.sort_values(["opened_date", "model_version"], ignore_index=True)


def _walk(
    episodes: list[Episode], sessions: pd.DataFrame, config: DriftConfig, model_version: str
) -> list[Episode]:
    """Return one model's episodes after its sessions; closed ones are never touched again."""
    latest = episodes[-1] if episodes else None
    if latest is not None:
        sessions = sessions[sessions["session_date"] > latest["last_date"]]
    if latest is not None and latest["state"] == COOLED:
        sessions = sessions.iloc[config.cooldown_sessions :]
    current = latest if latest is not None and latest["state"] == OPEN else None
    n_quiet = 0
    fired = {
        FEATURES: sessions["n_running"] >= config.confirm_sessions,
        SCORES: sessions["n_spread"] >= config.confirm_sessions,
        OUTCOMES: sessions["n_worse"] >= config.confirm_sessions,
        AGE: sessions["age_sessions"] > config.max_age_sessions,
    }
    reasons = np.select(list(fired.values()), list(fired), default="").tolist()
    dates = list(pd.DatetimeIndex(sessions["session_date"]))
    shares = sessions["share_drifted"].tolist()
    for date, share, reason in zip(dates, shares, reasons, strict=True):
        if reason:
            n_quiet = 0
            if current is None:
                current = Episode(
                    episode_id=f"{model_version}:{date:%Y-%m-%d}",
                    model_version=model_version,
                    opened_date=date,
                    reason=reason,
                    share_drifted=share,
                    last_date=date,
                    state=OPEN,
                )
                episodes.append(current)
            current["last_date"] = date
        elif current is not None:
            n_quiet += 1
            if n_quiet == config.cooldown_sessions:
                current["state"] = COOLED
                current = None
    return episodes


def _records(frame: pd.DataFrame) -> list[Episode]:
    """Return rows as episodes."""
    columns = (frame[name].tolist() for name in EPISODE_COLUMNS)
    return [
        Episode(
            episode_id=episode_id,
            model_version=model_version,
            opened_date=opened_date,
            reason=reason,
            share_drifted=share_drifted,
            last_date=last_date,
            state=state,
        )
        for episode_id, model_version, opened_date, reason, share_drifted, last_date, state in zip(
            *columns, strict=True
        )
    ]
