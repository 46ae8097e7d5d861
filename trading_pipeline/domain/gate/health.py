"""Whether the champion in service is fit to serve: evidence in, one row per criterion out."""

from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

HEALTHY, UNHEALTHY, NOBODY = "healthy", "unhealthy", "no champion in service"


@dataclass(frozen=True, slots=True)
class HealthEvidence:
    """What was found of the champion.

    `files_fault` and `load_fault` say in words why its files are not whole or cannot be read as
    models; empty where nothing is wrong. `sessions_behind` counts sessions of daily bars it has
    not spoken about. `drift_state` is a sentence; `n_open_episodes` is None where drift was not
    measured for this model.
    """

    model_version: str | None = None
    files_fault: str = ""
    load_fault: str = ""
    n_features: int = 0
    lacking: tuple[str, ...] = ()
    sessions_behind: int | None = None
    n_open_episodes: int | None = None
    drift_state: str = "not measured yet"


class Finding(NamedTuple):
    """One criterion of the champion's health; `is_healthy` is None where not assessable."""

    criterion: str
    value: float | None
    threshold: str
    is_healthy: bool | None
    detail: str


def health_findings(evidence: HealthEvidence) -> tuple[Finding, ...]:
    """Return every criterion in its order; one line alone where nobody is in service."""
    version = evidence.model_version
    if version is None:
        return (Finding("in_service", None, "a champion", None, NOBODY),)
    are_whole = not evidence.files_fault
    can_load = None if not are_whole else not evidence.load_fault
    is_known = can_load is True
    lacking = ", ".join(evidence.lacking[:5])
    behind = evidence.sessions_behind
    episodes = evidence.n_open_episodes
    return (
        Finding("in_service", None, "a champion", True, f"{version} is champion"),
        Finding(
            "files",
            None,
            "as in the manifest",
            are_whole,
            evidence.files_fault or "every file agrees with its hash",
        ),
        Finding(
            "loads",
            None,
            "readable as models",
            can_load,
            evidence.load_fault or ("every member loads" if are_whole else "its files are broken"),
        ),
        Finding(
            "features",
            float(len(evidence.lacking)) if is_known else None,
            "0 features lacking",
            not evidence.lacking if is_known else None,
            (f"the settings compute none of {lacking}" if lacking else _all_of(evidence))
            if is_known
            else "the model cannot be read",
        ),
        Finding(
            "predictions",
            None if behind is None else float(behind),
            "0 sessions behind the bars",
            None if behind is None else behind == 0,
            "it has said nothing yet" if behind is None else f"{behind} sessions behind",
        ),
        Finding(
            "drift",
            None if episodes is None else float(episodes),
            "0 open episodes",
            None if episodes is None else episodes == 0,
            evidence.drift_state,
        ),
    )


def health_table(evidence: HealthEvidence) -> pd.DataFrame:
    """Return the rows of gate.health."""
    rows = [
        {"model_version": evidence.model_version, "position": position, **finding._asdict()}
        for position, finding in enumerate(health_findings(evidence))
    ]
    return pd.DataFrame(rows).astype({"value": "float64", "is_healthy": "boolean"})


def health_state(findings: tuple[Finding, ...]) -> str:
    """Return the whole in a word; what is not assessable makes nobody unhealthy."""
    if any(finding.is_healthy is False for finding in findings):
        return UNHEALTHY
    return HEALTHY if findings[0].is_healthy else NOBODY


def _all_of(evidence: HealthEvidence) -> str:
    return f"all {evidence.n_features} are computed"
