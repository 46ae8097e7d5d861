"""Who is in service, and the next line of the decisions' ledger; the ledger is only appended to."""

from datetime import datetime
from typing import TypedDict

import pandas as pd

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.gate.verdict import PROMOTED

# Put before the roles of the model of falls; those of the daily model have nothing before them.
FALLS = "selloff_"


class Decision(TypedDict):
    """One row of gate.decisions."""

    decision_id: int
    action: str
    role: str
    model_version: str
    previous_version: str | None
    decided_by: str
    decided_at: datetime
    reason: str
    verdict: str | None


def service_roles(decisions: pd.DataFrame, prefix: str = "") -> dict[str, str | None]:
    """Return the model version in each role, `champion` and `shadow`; None where nobody is.

    `decisions` holds rows of gate.decisions in any order. A shadow that became champion has left
    the shadow. `prefix` stands before the roles of a model other than the daily one.
    """
    champions = champion_history(decisions, prefix)
    champion = champions[-1] if champions else None
    rows = decisions[decisions["role"] == f"{prefix}shadow"]
    in_shadow = rows.sort_values("decision_id")["model_version"]
    shadow = None if in_shadow.empty else str(in_shadow.iloc[-1])
    return {"champion": champion, "shadow": None if shadow == champion else shadow}


def champion_history(decisions: pd.DataFrame, prefix: str = "") -> tuple[str, ...]:
    """Return the champions a roll-back can step through, oldest first, the one in service last."""
    history: list[str] = []
    held = decisions[decisions["role"] == f"{prefix}champion"].sort_values("decision_id")
    for action, version in zip(held["action"], held["model_version"], strict=True):
        if action == "rollback":
            history.pop()
        else:
            history.append(str(version))
    return tuple(history)


def draft_promotion(
    decisions: pd.DataFrame,
    model_version: str | None,
    verdict: str | None,
    *,
    is_override: bool,
    decided_by: str,
    decided_at: datetime,
    reason: str,
    prefix: str = "",
) -> Decision:
    """Return the decision that makes a model champion; without a version, the one in shadow.

    `verdict` is the gate's on that model. Raises InputError where there is nothing to promote,
    where it is champion already, or where the gate did not pass it and nobody overrides it.
    """
    roles = service_roles(decisions, prefix)
    version = model_version or roles["shadow"]
    if version is None:
        raise InputError("nothing to promote: no challenger is in shadow; run a retrain first")
    if version == roles["champion"]:
        raise InputError(f"nothing to promote: {version} is already the champion")
    if verdict != PROMOTED and not is_override:
        raise InputError(
            f"{version} was {verdict or 'not judged'} at the gate; "
            "promote one that passed, or override the gate explicitly"
        )
    if verdict != PROMOTED:
        reason = f"overrides the verdict {verdict or 'missing'}: {reason}"
    return Decision(
        decision_id=_next_id(decisions),
        action="promote",
        role=f"{prefix}champion",
        model_version=version,
        previous_version=roles["champion"],
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        verdict=verdict,
    )


def draft_rollback(
    decisions: pd.DataFrame,
    *,
    decided_by: str,
    decided_at: datetime,
    reason: str,
    prefix: str = "",
) -> Decision:
    """Return the decision that puts the previous champion back in service.

    Raises InputError where there is no champion, or none before it.
    """
    history = champion_history(decisions, prefix)
    if not history:
        raise InputError("nothing to roll back: no champion is in service; promote one first")
    if len(history) == 1:
        raise InputError(f"nothing to roll back to: {history[0]} is the first champion")
    return Decision(
        decision_id=_next_id(decisions),
        action="rollback",
        role=f"{prefix}champion",
        model_version=history[-2],
        previous_version=history[-1],
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        verdict=None,
    )


def draft_shadow(
    decisions: pd.DataFrame,
    model_version: str,
    verdict: str | None,
    *,
    decided_by: str,
    decided_at: datetime,
    reason: str,
    prefix: str = "",
) -> Decision | None:
    """Return the decision that lets a challenger run silently; None where it is in service."""
    roles = service_roles(decisions, prefix)
    if model_version in roles.values():
        return None
    return Decision(
        decision_id=_next_id(decisions),
        action="shadow",
        role=f"{prefix}shadow",
        model_version=model_version,
        previous_version=roles["shadow"],
        decided_by=decided_by,
        decided_at=decided_at,
        reason=reason,
        verdict=verdict,
    )


def staged_verdict(decisions: pd.DataFrame, model_version: str, prefix: str = "") -> str | None:
    """Return what the gate said of a challenger when it was staged; None where that is unknown."""
    staged = decisions[
        (decisions["role"] == f"{prefix}shadow") & (decisions["model_version"] == model_version)
    ].sort_values("decision_id")
    verdict = None if staged.empty else staged["verdict"].iloc[-1]
    return None if pd.isna(verdict) else str(verdict)


def _next_id(decisions: pd.DataFrame) -> int:
    """Return the next running number, from 1."""
    return 1 if decisions.empty else int(decisions["decision_id"].max()) + 1
