"""Health of the champion, examined on what the last run left, before this one changes anything.

gate.decisions, models, predictions.live, bars.daily, drift.episodes as they were  ->  gate.health
"""

from collections.abc import Mapping
from dataclasses import asdict

from trading_pipeline.assets.service import lacking_features, model_fault, recipe_features, roles
from trading_pipeline.assets.table_asset import digest, table_asset
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.gate.health import (
    UNHEALTHY,
    HealthEvidence,
    health_findings,
    health_state,
    health_table,
)
from trading_pipeline.resources import StageRun


def examined(run: StageRun) -> HealthEvidence:
    """Return what is found of the champion; nothing where nobody is in service."""
    version = roles(run)["champion"]
    if version is None:
        return HealthEvidence()
    files_fault = load_fault = ""
    features: list[str] = []
    lacking: tuple[str, ...] = ()
    try:
        run.load_model(version)
    except InputError as error:
        files_fault = str(error)
    else:
        load_fault = model_fault(run, version)
        if not load_fault:
            features = recipe_features(run, version)
            lacking = lacking_features(run, version)
    n_open, state = _drift(run, version)
    return HealthEvidence(
        model_version=version,
        files_fault=files_fault,
        load_fault=load_fault,
        n_features=len(features),
        lacking=lacking,
        sessions_behind=_sessions_behind(run, version),
        n_open_episodes=n_open,
        drift_state=state,
    )


def _sessions_behind(run: StageRun, version: str) -> int | None:
    found = run.read(
        "with said as (select max(session) as session from predictions.live"
        " where model_version = $version)"
        " select (select session from said) as last_said, count(distinct session) as n"
        " from bars.daily where session > (select session from said)",
        version=version,
    ).iloc[0]
    return None if found.isna()["last_said"] else int(found["n"])


def _drift(run: StageRun, version: str) -> tuple[int | None, str]:
    last = run.read(
        "select share_drifted, share_threshold, age_sessions from drift.sessions"
        " where model_version = $version order by session desc limit 1",
        version=version,
    )
    n_open = run.read(
        "select count(*) as n from drift.episodes"
        " where model_version = $version and state = 'open'",
        version=version,
    )["n"].iloc[0]
    if last.empty:
        return (int(n_open) or None), "no session has come in since it was trained"
    row = last.iloc[0]
    share = "not assessable"
    if not row.isna()["share_drifted"]:
        share = f"{row['share_drifted']:.3f} (limit {row['share_threshold']:.3f})"
    words = f"{int(n_open)} open episodes; share of drifted features {share}, "
    return int(n_open), f"{words}trained {int(row['age_sessions'])} sessions ago"


def health_fingerprint(run: StageRun) -> Mapping[str, str]:
    """Return what was found: the same finding is not written twice."""
    return {"found": digest(asdict(run.remember("health", run.run_id, lambda: examined(run))))}


@table_asset("gate.health", settings=("features",), fingerprint=health_fingerprint)
def health(run: StageRun) -> TableResult:
    """Is the champion in service healthy: files, loading, features, last words, drift.

    It looks at what the last run left, so it comes before everything else. An unhealthy champion
    is told of loudly and stops nothing: the retrain that follows is what replaces it.
    """
    evidence = run.remember("health", run.run_id, lambda: examined(run))
    findings = health_findings(evidence)
    state = health_state(findings)
    wrong = [f"{line.criterion}: {line.detail}" for line in findings if line.is_healthy is False]
    if state == UNHEALTHY:
        run.warn(f"champion {evidence.model_version} is unhealthy; {'; '.join(wrong)}")
    return TableResult(
        health_table(evidence),
        {
            "champion": evidence.model_version or "none",
            "state": state,
            "wrong": "; ".join(wrong) or "nothing",
            "not assessable": ", ".join(f.criterion for f in findings if f.is_healthy is None)
            or "nothing",
        },
    )
