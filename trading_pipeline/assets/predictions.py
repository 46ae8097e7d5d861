"""Predictions stage: what the champion and the challenger say after each session's close.

features.daily, regimes.market, gate.decisions, models  ->  predictions.live
"""

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd

from trading_pipeline.assets.service import is_whole, recipe_features, roles, usable
from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.assets.training import protocol_in_force, read_features
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.bars.sessions import session_dates
from trading_pipeline.domain.ensemble.members import members_from_bytes
from trading_pipeline.domain.predictions.said import no_predictions, say_sessions
from trading_pipeline.domain.predictions.speakers import Candidate, Speaker, find_speakers
from trading_pipeline.domain.splits.protocol import ordinal
from trading_pipeline.resources import StageRun

TRAINING_FILE = "training.json"


def live_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return what may leave something unsaid: rows to speak about, and who is in service."""
    decided = run.read(
        "select decision_id, role, model_version from gate.decisions"
        " where role in ('champion', 'shadow') order by all"
    )
    return {
        "features": run.hash("features.daily"),
        "regimes": run.hash("regimes.market"),
        "decisions": digest({"rows": decided.to_dict("records")}),
        "judged": run.hash("ensemble.model"),
    }


@table_asset(
    "predictions.live",
    reads=(
        "features.daily",
        "regimes.market",
        "bars.universe",
        "ensemble.model",
        "ensemble.deployed",
        "gate.decisions",
    ),
    settings=("predictions",),
    kinds=("lightgbm", "xgboost", "catboost", "scikitlearn"),
    fingerprint=live_fingerprint,
)
def live(run: StageRun) -> TableResult:
    """What each model in service says of each equity, with reasons; said once, never rewritten.

    On the first run the judged model speaks about its hold-out, as it would have done live.
    """
    speakers = [speaker for speaker in unsaid(run) if usable(run, speaker.model_version)]
    parts = [no_predictions()]
    for done, speaker in enumerate(speakers, start=1):
        parts.append(spoken(run, speaker))
        run.advance(done, len(speakers), "models have spoken")
    filled = [part for part in parts if len(part)]
    table = pd.concat(filled, ignore_index=True) if filled else no_predictions()
    held = roles(run)
    return TableResult(
        table,
        {
            "champion": held["champion"] or "none",
            "shadow": held["shadow"] or "none",
            "rows added": len(table),
            "sessions added": int(table["session"].nunique()),
            "of them backfilled": int(table["is_backfilled"].sum()),
            "who spoke": "; ".join(_words(speaker) for speaker in speakers) or why_silent(run),
        },
        is_appended=True,
    )


def unsaid(run: StageRun) -> tuple[Speaker, ...]:
    """Return who has something left to say, and about which sessions; nobody before a first fit."""
    decisions = run.read("select * from gate.decisions where role in ('champion', 'shadow')")
    as_of = {
        version: int(json.loads(run.load_model(version)[TRAINING_FILE])["as_of_session"])
        for version in sorted(set(decisions["model_version"]))
        if is_whole(run, version)
    }
    candidate = judged_model(run)
    if candidate is None and not as_of:
        return ()
    said = run.read(
        "select role, model_version, max(session) as last_session from predictions.live"
        " group by all order by all"
    )
    return find_speakers(decisions, as_of, said, last_session(run), candidate)


def judged_model(run: StageRun) -> Candidate | None:
    """Return the model that the gate judged and where its hold-out opens; None before the first."""
    judged = run.read("select distinct model_version from ensemble.model")["model_version"]
    if judged.empty:
        return None
    return Candidate(str(judged.iloc[0]), ordinal(protocol_in_force(run).holdout_start))


def last_session(run: StageRun) -> int:
    """Return the ordinal of the last session of the data."""
    return int(run.read("select max(session) as s from features.daily")["s"].iloc[0])


def spoken(run: StageRun, speaker: Speaker) -> pd.DataFrame:
    """Return what a model says about every session of its span, a year at a time."""
    recipe, members, stack = members_from_bytes(
        run.load_model(speaker.model_version), threads=run.config.runtime.threads
    )
    features = recipe_features(run, speaker.model_version)
    rows = run.query(
        "predictions/rows", first_session=speaker.first_session, last_session=speaker.last_session
    )
    parts = [no_predictions()]
    for _, own in rows.groupby(rows["session_date"].dt.year):
        first, last = own["session_date"].min(), own["session_date"].max()
        X = read_features(run, first, last, features, recipe.ranked)
        keys = ["symbol", "session"]
        values = own[keys].merge(X, on=keys, how="left", validate="one_to_one")
        parts.append(
            say_sessions(
                members,
                stack,
                own.reset_index(drop=True),
                values[features],
                speaker,
                horizon_sessions=int(recipe.settings["labels"]["horizon_sessions"]),
                n_reasons=run.config.predictions.n_reasons,
                last_session=last_session(run),
            )
        )
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else no_predictions()


def why_silent(run: StageRun) -> str:
    """Return in words why nobody speaks."""
    return "no model yet" if judged_model(run) is None else "nothing was unsaid"


def _words(speaker: Speaker) -> str:
    first, last = session_dates(np.array([speaker.first_session, speaker.last_session]))
    return f"{speaker.role} {speaker.model_version}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
