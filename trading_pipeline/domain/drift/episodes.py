"""Spells of drift: when the policy fires, one episode opens and asks for one retrain."""

from typing import TypedDict

import pandas as pd

from trading_pipeline.contracts.config import DriftConfig

OPEN, COOLED, PROMOTED = "open", "cooled", "promoted"
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
    previous: pd.DataFrame, sessions: pd.DataFrame, config: DriftConfig, model_version: str
) -> pd.DataFrame:
    """Return drift.episodes: the previous ones, brought up to the last session.

    `previous` holds rows of drift.episodes, possibly none; `sessions` those of drift.sessions;
    `model_version` is the model now in service. The policy fires where the share of drifted
    features has been beyond its limit for `confirm_sessions` sessions running, or where more than
    `max_age_sessions` sessions have passed since training. An episode opens when it fires and
    none is open, and cools after `cooldown_sessions` sessions in which it does not. One of a model
    no longer in service is closed as promoted. Applied to its own result, it changes nothing.
    """
    before = previous.sort_values(["opened_date", "model_version"], ignore_index=True)
    is_own = before["model_version"] == model_version
    replaced = ~is_own & (before["state"] == OPEN)
    before.loc[replaced, "state"] = PROMOTED
    own = sessions[sessions["model_version"] == model_version].sort_values("session")
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
    by_features = (sessions["n_running"] >= config.confirm_sessions).tolist()
    by_age = (sessions["age_sessions"] > config.max_age_sessions).tolist()
    dates = list(pd.DatetimeIndex(sessions["session_date"]))
    shares = sessions["share_drifted"].tolist()
    for date, share, moved, aged in zip(dates, shares, by_features, by_age, strict=True):
        if moved or aged:
            n_quiet = 0
            if current is None:
                current = Episode(
                    episode_id=f"{model_version}:{date:%Y-%m-%d}",
                    model_version=model_version,
                    opened_date=date,
                    reason="features" if moved else "age",
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
