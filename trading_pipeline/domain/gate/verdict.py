"""The verdict on a challenger: every criterion in order, with its number and its reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import pandas as pd

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.vocabulary import REGIMES
from trading_pipeline.domain.gate.evidence import Estimate, GateEvidence

PROMOTED, REJECTED, UNDECIDED = "promoted", "rejected", "undecided"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a verdict. `is_passed` is None where it could not be assessed."""

    criterion: str
    value: float | None
    threshold: str
    is_passed: bool | None
    detail: str
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """`promoted` means all passed, and proposes; a human moves the champion."""

    model_version: str
    recipe_id: str
    protocol_id: str
    verdict: str
    criteria: tuple[Criterion, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return why, in words: what failed, what could not be told, else that all passed."""
        failed = [
            f"{line.criterion} is {as_text(line.value)}, required {line.threshold} ({line.detail})"
            for line in self.criteria
            if line.is_passed is False
        ]
        unknown = [
            f"{line.criterion} could not be assessed: {line.detail}"
            for line in self.criteria
            if line.is_passed is None
        ]
        n_passed = sum(line.is_passed is True for line in self.criteria)
        passed = f"{n_passed} of {len(self.criteria)} criteria passed"
        return (*failed, *unknown, passed)

    def frame(self) -> pd.DataFrame:
        """Return gate.verdicts: one row per criterion, NaN and NA where not assessable."""
        rows = [
            {
                "model_version": self.model_version,
                "recipe_id": self.recipe_id,
                "protocol_id": self.protocol_id,
                "verdict": self.verdict,
                "position": position,
                "criterion": line.criterion,
                "value": line.value,
                "threshold": line.threshold,
                "is_passed": line.is_passed,
                "detail": line.detail,
            }
            for position, line in enumerate(self.criteria)
        ]
        return pd.DataFrame(rows).astype({"value": "float64", "is_passed": "boolean"})


def decide(evidence: GateEvidence, config: GateConfig) -> Verdict:
    """Return the verdict: rejected if a criterion fails, else undecided if a required one is
    missing, else promoted.

    A regime with too few independent horizons is listed as not assessable and leaves the verdict
    open to the others; every other missing number makes it undecided. Without a champion there is
    nothing to be worse than.
    """
    return verdict_of(
        tuple(_criteria(evidence, config)),
        evidence.model_version,
        evidence.recipe_id,
        evidence.protocol_id,
    )


def verdict_of(
    criteria: tuple[Criterion, ...], model_version: str, recipe_id: str, protocol_id: str
) -> Verdict:
    """Return what criteria come to: rejected, else undecided, else promoted (see `decide`)."""
    if any(line.is_passed is False for line in criteria):
        verdict = REJECTED
    elif any(line.is_passed is None and line.is_required for line in criteria):
        verdict = UNDECIDED
    else:
        verdict = PROMOTED
    return Verdict(model_version, recipe_id, protocol_id, verdict, criteria)


def _criteria(evidence: GateEvidence, config: GateConfig) -> Iterator[Criterion]:
    """Yield every criterion in the order of the report."""
    auc, ratio = evidence.auc, evidence.sharpe_net
    times = "once" if evidence.holdout_reads == 1 else f"{evidence.holdout_reads} times"
    reads = f"hold-out read {times} under this protocol"
    yield _plain_pair(auc, ratio, config)
    yield at_least("auc", _value(auc), config.min_auc, f"{told(auc)}; {reads}")
    yield above("auc_low", _low(auc), config.min_auc_low, told(auc))
    dsr = f"DSR {as_text(evidence.dsr)}"
    yield at_least("sharpe_net", _value(ratio), config.min_sharpe_net, f"{told(ratio)}; {dsr}")
    yield _champion(evidence, config)
    baseline = evidence.volatility_difference
    yield above("volatility_baseline", _low(baseline), config.volatility_margin, told(baseline))
    for regime in REGIMES:
        yield _regime(regime, evidence, config)
    yield at_most("ece", evidence.ece, config.max_ece, "expected calibration error")
    yield slope_within(evidence.calibration_slope, config)
    yield at_most("latency_ms", evidence.latency_ms, config.max_latency_ms, "per 500 rows")
    yield at_most("model_mb", evidence.model_mb, config.max_model_mb, "all files together")


def _plain_pair(auc: Estimate | None, ratio: Estimate | None, config: GateConfig) -> Criterion:
    """Return the pair that everybody asks for, on a line of its own."""
    values = _value(auc), _value(ratio)
    passed = None
    if values[0] is not None and values[1] is not None:
        passed = values[0] >= config.min_auc and values[1] >= config.min_sharpe_net
    return Criterion(
        "auc_and_sharpe",
        values[0],
        f"AUC >= {config.min_auc:.2f} and Sharpe >= {config.min_sharpe_net:g}",
        passed,
        f"AUC {as_text(values[0])}, Sharpe {as_text(values[1])}",
    )


def _champion(evidence: GateEvidence, config: GateConfig) -> Criterion:
    """Return whether the challenger is not worse than the model in service."""
    if not evidence.has_champion:
        words = f"> {config.champion_margin:g}"
        detail = f"{evidence.no_champion}: nothing to compare with"
        return Criterion("champion", None, words, True, detail)
    difference = evidence.champion_difference
    return above("champion", _low(difference), config.champion_margin, told(difference))


def _regime(regime: str, evidence: GateEvidence, config: GateConfig) -> Criterion:
    """Return whether the challenger holds in one regime; too few horizons leave it open."""
    name, words = f"auc_{regime}", f">= {config.min_regime_auc:.2f}"
    score = evidence.regimes.get(regime)
    if score is None:
        detail = "not assessable: no session of it in the hold-out"
        return Criterion(name, None, words, None, detail, is_required=False)
    auc = _finite(score.auc)
    if auc is None or score.n_horizons < config.min_horizons:
        detail = f"not assessable: {score.n_horizons:.1f} of {config.min_horizons} horizons"
        return Criterion(name, auc, words, None, detail, is_required=False)
    detail = f"{score.n_horizons:.1f} independent horizons"
    return Criterion(name, auc, words, auc >= config.min_regime_auc, detail)


def slope_within(value: float | None, config: GateConfig) -> Criterion:
    """Return whether probabilities are neither too bold nor too shy."""
    known = _finite(value)
    words = f"{config.slope_low:g} to {config.slope_high:g}"
    passed = None if known is None else config.slope_low <= known <= config.slope_high
    detail = "not measured" if known is None else "logistic slope; 1 is calibrated"
    return Criterion("calibration_slope", known, words, passed, detail)


def at_least(name: str, value: float | None, floor: float, detail: str) -> Criterion:
    """Return whether a number reaches a floor; open where it is missing."""
    passed = None if value is None else value >= floor
    return Criterion(name, value, f">= {floor:g}", passed, detail)


def above(name: str, value: float | None, floor: float, detail: str) -> Criterion:
    """Return whether a number lies above a floor; open where it is missing."""
    passed = None if value is None else value > floor
    return Criterion(name, value, f"> {floor:g}", passed, detail)


def at_most(name: str, value: float | None, ceiling: float, detail: str) -> Criterion:
    """Return whether a number stays under a ceiling; open where it was not measured."""
    known = _finite(value)
    passed = None if known is None else known <= ceiling
    return Criterion(
        name, known, f"<= {ceiling:g}", passed, detail if passed is not None else "not measured"
    )


def _finite(value: float | None) -> float | None:
    # A NumPy number becomes a plain one, so that a comparison gives True or False itself.
    return float(value) if value is not None and isfinite(value) else None


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else _finite(estimate.value)


def _low(estimate: Estimate | None) -> float | None:
    return None if estimate is None else _finite(estimate.low)


def told(estimate: Estimate | None) -> str:
    """Return an estimate in words, or that there is none."""
    if estimate is None or _value(estimate) is None:
        return "not measured"
    bounds = (estimate.low, estimate.high)
    known = all(_finite(bound) is not None for bound in bounds)
    interval = f"[{as_text(bounds[0])}, {as_text(bounds[1])}]" if known else "no interval"
    return f"{as_text(estimate.value)} {interval}, {estimate.detail}"


def as_text(value: float | None) -> str:
    """Return a number in three digits, or that it is missing."""
    return "missing" if _finite(value) is None else f"{value:.3f}"
