"""The verdict in plain sentences: what was decided, why, and what happens next."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.reports.wording import (
    NOT_ASSESSABLE,
    is_missing,
    joined,
    minus_signs,
    quantity,
    words,
)

HEADLINES = {
    "promoted": "Proposed for promotion",
    "rejected": "Rejected",
    "undecided": "Undecided",
}
NEXT_STEPS = {
    "promoted": "Nothing changes by itself: the challenger runs in shadow until a human "
    "promotes it.",
    "rejected": "The challenger runs in shadow: it predicts, nobody follows it, and its outcomes "
    "are kept. The champion, if there is one, stays in service; only a human can change that.",
    "undecided": "The challenger runs in shadow while the missing evidence is gathered; a human "
    "decides.",
}
NO_VERDICT = "The gate did not run, so nothing was decided and nothing changes."
MOST_REASONS = 3
PLAIN_PAIR = "auc_and_sharpe"


@dataclass(frozen=True)
class VerdictCard:
    """What the first card of a report says."""

    state: str
    headline: str
    sentence: str
    pair: str
    missing: str
    next_step: str


def verdict_card(verdict: str | None, rows: pd.DataFrame | None) -> VerdictCard:
    """Return the card of a verdict and its criteria (gate.verdicts; None where it did not run)."""
    if verdict not in HEADLINES or rows is None or rows.empty:
        return VerdictCard("none", "No verdict", NO_VERDICT, "", "", "")
    ordered = rows.sort_values("position")
    state = ordered["is_passed"]
    failed, unknown = ordered[state.eq(False).fillna(False)], ordered[state.isna()]
    n_passed = len(ordered) - len(failed) - len(unknown)
    passed = f"{n_passed} of {len(ordered)} criteria passed"
    told = failed[failed["criterion"] != PLAIN_PAIR]
    if len(failed):
        shown = [_failure(row) for row in told.head(MOST_REASONS).to_dict("records")]
        more = len(told) - len(shown)
        reasons = joined([*shown, f"{more} more"] if more else shown or ["the plain pair"])
        sentence = f"{passed}, {len(failed)} failed: {reasons}."
    else:
        sentence = f"{passed} and none failed."
    names = [criterion_name(str(name)) for name in unknown["criterion"]]
    missing = f"Not assessable: {joined(names)}." if names else "Every criterion was assessable."
    return VerdictCard(
        str(verdict),
        HEADLINES[str(verdict)],
        sentence,
        _pair(ordered[ordered["criterion"] == PLAIN_PAIR]),
        missing,
        NEXT_STEPS[str(verdict)],
    )


def _pair(rows: pd.DataFrame) -> str:
    """Return the plain pair, AUC and Sharpe, as a sentence; empty where it was not judged."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    result = NOT_ASSESSABLE
    if not is_missing(row["is_passed"]):
        result = "passed" if row["is_passed"] else "failed"
    return f"{minus_signs(str(row['detail']))}; required {required(row['threshold'])}: {result}."


def _failure(row: dict[Any, Any]) -> str:
    name, value = str(row["criterion"]), row["value"]
    shown = "has no value" if is_missing(value) else f"is {quantity(value, name)}"
    return f"{criterion_name(name)} {shown} (required {required(row['threshold'])})"


def criterion_name(name: str) -> str:
    """Write the name of a criterion: `auc_crash` is `AUC in crash`."""
    regime = name.removeprefix("auc_")
    return f"AUC in {words(regime)}" if regime in REGIMES and regime != name else words(name)


def required(threshold: object) -> str:
    """Write a threshold with proper signs."""
    return minus_signs(str(threshold).replace(">=", "≥").replace("<=", "≤"))
