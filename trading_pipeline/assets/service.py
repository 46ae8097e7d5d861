"""Who is in service: the champion a human promoted, and the challenger that runs in shadow."""

from datetime import datetime

import pandas as pd

from trading_pipeline.domain.gate.decisions import (
    Decision,
    draft_promotion,
    draft_shadow,
    service_roles,
)
from trading_pipeline.domain.gate.verdict import PROMOTED
from trading_pipeline.resources import StageRun

BY_PIPELINE = "pipeline"


def roles(run: StageRun) -> dict[str, str | None]:
    """Return the model version in each role, None where nobody is."""
    return service_roles(run.table_whole("gate.decisions"))


def reference_version(run: StageRun) -> str | None:
    """Return the model that drift is measured against: the champion, else the shadow."""
    held = roles(run)
    return held["champion"] or held["shadow"]


def stage_challenger(run: StageRun, version: str, verdict: str | None) -> None:
    """Let a new version run in shadow; promote it where the settings say so and it passed."""
    now = pd.Timestamp.now(tz="UTC").to_pydatetime()
    shadow = draft_shadow(
        run.table_whole("gate.decisions"),
        version,
        decided_by=BY_PIPELINE,
        decided_at=now,
        reason=f"challenger of the newest retrain; the gate says {verdict or 'nothing'}",
    )
    if shadow is not None:
        _append(run, shadow)
    if run.config.gate.auto_promote and verdict == PROMOTED:
        _promote(run, version, verdict, now)


def _promote(run: StageRun, version: str, verdict: str, now: datetime) -> None:
    decisions = run.table_whole("gate.decisions")
    if service_roles(decisions)["champion"] == version:
        return
    _append(
        run,
        draft_promotion(
            decisions,
            version,
            verdict,
            is_override=False,
            decided_by="auto_promote",
            decided_at=now,
            reason="gate.auto_promote is set and every criterion holds",
        ),
    )


def _append(run: StageRun, decision: Decision) -> None:
    run.warehouse.append("gate.decisions", pd.DataFrame([decision]))
