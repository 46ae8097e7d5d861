"""Who is in service: the champion a human promoted, and the challenger that runs in shadow."""

import json
from collections.abc import Collection
from datetime import datetime

import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.ensemble.members import members_from_bytes
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.gate.decisions import (
    Decision,
    draft_promotion,
    draft_shadow,
    service_roles,
    staged_verdict,
)
from trading_pipeline.domain.gate.verdict import PROMOTED
from trading_pipeline.resources import StageRun

BY_PIPELINE = "pipeline"


def roles(run: StageRun, prefix: str = "") -> dict[str, str | None]:
    """Return the model version in each role, None where nobody is."""
    return service_roles(run.table_whole("gate.decisions"), prefix)


def model_fault(run: StageRun, version: str) -> str:
    """Return why a stored model cannot be used, in words; empty where it can."""

    def examine() -> str:
        try:
            members_from_bytes(run.load_model(version), threads=run.config.runtime.threads)
        except InputError as error:
            return str(error)
        except Exception as error:
            # Each library has errors of its own for bytes it cannot read.
            return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return ""

    return str(run.remember(f"fault of {version}", run.run_id, examine))


def usable(run: StageRun, version: str | None, known: Collection[str] | None = None) -> str | None:
    """Return a version that can be asked today; None where there is none, after a warning.

    A model in service that is broken must not stop the retrain that replaces it. `known` are the
    features there are, by default the daily ones of the settings.
    """
    if version is None:
        return None
    fault = model_fault(run, version)
    if not fault and (lacking := lacking_features(run, version, known)):
        fault = f"it needs features that the settings do not compute: {', '.join(lacking[:5])}"
    if fault:
        run.log.warning(f"{version} is left out: {fault}")
        return None
    return version


def in_service(
    run: StageRun, prefix: str = "", known: Collection[str] | None = None
) -> dict[str, str]:
    """Return who is in each role and whether it is whole and fed, for a table's fingerprint.

    No model is read: a table that is up to date must not pay for that. Whether whole files can be
    read depends on the installed packages, which the code's version knows.
    """

    def state(version: str | None) -> str:
        if version is None:
            return "nobody"
        if not is_whole(run, version):
            return f"{version}, broken"
        lacking = lacking_features(run, version, known)
        return f"{version} lacks {', '.join(lacking)}" if lacking else version

    return {role: state(version) for role, version in roles(run, prefix).items()}


def recipe_features(run: StageRun, version: str) -> list[str]:
    """Return the features that a stored model reads, sorted."""
    recipe = json.loads(run.load_model(version)["recipe.json"])
    return sorted({name for member in recipe["members"] for name in member["features"]})


def lacking_features(
    run: StageRun, version: str, known: Collection[str] | None = None
) -> tuple[str, ...]:
    """Return the features a stored model reads that are not known: by default, not computed."""
    if known is None:
        registry = feature_registry(run.config.features, run.feature_module())
        known = {feature.name for feature in registry}
    return tuple(name for name in recipe_features(run, version) if name not in known)


def is_whole(run: StageRun, version: str) -> bool:
    """Tell whether a stored model's files are all there and agree with their hashes."""
    try:
        run.load_model(version)
    except InputError:
        return False
    return True


def reference_version(
    run: StageRun, prefix: str = "", known: Collection[str] | None = None
) -> str | None:
    """Return the model that drift is measured against: the champion, else the shadow."""
    held = roles(run, prefix)
    return usable(run, held["champion"], known) or usable(run, held["shadow"], known)


def stage_challenger(run: StageRun, version: str, verdict: str | None) -> None:
    """Let a new version run in shadow.

    Where the settings say so, a challenger that passed the gate and has served its shadow period
    is promoted first: the one before this version or, where it is judged again, this one.
    """
    now = pd.Timestamp.now(tz="UTC").to_pydatetime()
    shadow = roles(run)["shadow"]
    if shadow is not None and shadow != version:
        _promote_when_due(run, shadow, _staged_verdict(run, shadow), now)
    put_in_shadow(run, version, verdict)
    _promote_when_due(run, version, verdict, now)


def put_in_shadow(run: StageRun, version: str, verdict: str | None, prefix: str = "") -> None:
    """Let a new version run in shadow, if it is not in service already."""
    staged = draft_shadow(
        run.table_whole("gate.decisions"),
        version,
        verdict,
        decided_by=BY_PIPELINE,
        decided_at=pd.Timestamp.now(tz="UTC").to_pydatetime(),
        reason=f"challenger of the newest retrain; the gate says {verdict or 'nothing'}",
        prefix=prefix,
    )
    if staged is not None:
        _append(run, staged)


def _promote_when_due(run: StageRun, version: str, verdict: str | None, now: datetime) -> None:
    settings = run.config.gate
    if not settings.auto_promote or verdict != PROMOTED or usable(run, version) is None:
        return
    decisions = run.table_whole("gate.decisions")
    # Who was champion once and was rolled back comes back by a human's word alone.
    if ((decisions["role"] == "champion") & (decisions["model_version"] == version)).any():
        return
    n_said = int(
        run.read(
            "select count(distinct session) as n from predictions.live"
            " where model_version = $version and role = 'shadow' and not is_backfilled",
            version=version,
        )["n"].iloc[0]
    )
    if n_said < settings.shadow_sessions:
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
            reason="gate.auto_promote is set, every criterion holds, and it spoke in shadow about"
            f" {n_said} sessions of {settings.shadow_sessions}",
        ),
    )


def _staged_verdict(run: StageRun, version: str) -> str | None:
    return staged_verdict(run.table_whole("gate.decisions"), version)


def _append(run: StageRun, decision: Decision) -> None:
    run.warehouse.append("gate.decisions", pd.DataFrame([decision]))
