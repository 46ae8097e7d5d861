"""What a model of falls is worth: scores with intervals, and the verdict in R after costs.

Falls of one session share its market and those of neighbouring sessions its mood, so whole blocks
of sessions are drawn again. Too few falls or sessions are not assessable: their numbers are shown
and claim nothing.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.selloffs_config import SelloffModelConfig, SelloffsConfig
from trading_pipeline.contracts.vocabulary import REGIMES, UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.metrics import (
    Floats,
    accuracy,
    auc,
    expected_calibration_error,
    logistic_line,
    logit,
)
from trading_pipeline.domain.ensemble.scores import (
    ALL_REGIMES,
    Interval,
    SessionBootstrap,
    auc_interval,
    ratio,
)
from trading_pipeline.domain.gate.evidence import Estimate
from trading_pipeline.domain.gate.verdict import (
    PROMOTED,
    REJECTED,
    Criterion,
    Verdict,
    above,
    at_least,
    at_most,
    slope_within,
    told,
    verdict_of,
)
from trading_pipeline.domain.selloffs.protocol import is_assessable

MODEL, TRIVIAL, MAJORITY = "model", "trivial", "majority"
PROBABILITY = {
    MODEL: "probability",
    TRIVIAL: "trivial_probability",
    MAJORITY: "majority_probability",
}
SPANS = {"oof": False, "holdout": True}
# Of these the edge is made; the others say whether it can be served.
EDGE = (
    "accuracy",
    "accuracy_above_majority",
    "auc_above_trivial",
    "gain_r",
    "gain_frac",
    "gain_r_low",
)


@dataclass(frozen=True, slots=True)
class FallEvidence:
    """Measurements of one model on the hold-out's falls.

    `n_study` counts the closed falls of training span and hold-out together. `accuracy_gain` is
    over the majority class and `auc_gain` over the trivial score, paired;
    `gain_r` [R, net] the expectancy of the selected falls less that of taking all, of those that
    may be traded; `gain_frac` the same as a share of the latter's size. `latency_ms` is for 500
    rows.
    """

    model_version: str
    recipe_id: str
    protocol_id: str
    holdout_reads: int
    n_study: int
    n_events: int
    n_sessions: int
    accuracy: Estimate
    accuracy_gain: Estimate
    auc_gain: Estimate
    gain_r: Estimate
    gain_frac: float
    ece: float
    calibration_slope: float
    latency_ms: float
    model_mb: float


def session_bootstrap(scores: pd.DataFrame, config: SelloffsConfig) -> SessionBootstrap:
    """Return the resamples that all scores of one span share, those of the backtest's blocks."""
    settings = config.backtest
    return SessionBootstrap.of_blocks(
        scores["session"].to_numpy(np.int64),
        settings.block_sessions,
        n_samples=settings.bootstrap_samples,
        interval_sd=settings.interval_sd,
        seed=settings.seed,
    )


def score_falls(scores: pd.DataFrame, n_study: int, config: SelloffsConfig) -> pd.DataFrame:
    """Return selloffs.metrics without protocol_id: model and baselines, over all and by regime.

    `scores` is selloffs.scores in any row order, `n_study` how many closed falls there are in all;
    NaN where a score is not defined.
    """
    ordered = scores.sort_values(["session", "symbol", "rung"], ignore_index=True)
    rows = []
    for span, is_holdout in SPANS.items():
        own = ordered[ordered["is_holdout"] == is_holdout]
        bootstrap = session_bootstrap(own, config)
        for learner in PROBABILITY:
            for regime in (ALL_REGIMES, *REGIMES, UNKNOWN_REGIME):
                part = own if regime == ALL_REGIMES else own[own["regime"] == regime]
                if len(part):
                    figures = _figures(part, PROBABILITY[learner], bootstrap)
                    figures["n_study"] = n_study
                    figures["is_assessable"] = is_assessable(n_study, part, config.model)
                    rows.append({"learner": learner, "span": span, "regime": regime, **figures})
    return pd.DataFrame(rows)


def _figures(rows: pd.DataFrame, column: str, bootstrap: SessionBootstrap) -> dict[str, object]:
    p, y = rows[column].to_numpy(np.float64), rows["label"].to_numpy()
    session = rows["session"].to_numpy(np.int64)
    ranking = auc_interval(p, y, session, bootstrap)
    right = _mean_interval(_hits(p, y), session, bootstrap)
    return {
        "n_events": len(rows),
        "n_sessions": int(np.unique(session).size),
        "base_rate": float(y.mean()),
        "auc": ranking.value,
        "auc_low": ranking.low,
        "auc_high": ranking.high,
        "accuracy": right.value,
        "accuracy_low": right.low,
        "accuracy_high": right.high,
        "ece": expected_calibration_error(p, y),
        "calibration_slope": logistic_line(logit(p), y)[1],
    }


def fall_evidence(
    scores: pd.DataFrame,
    config: SelloffsConfig,
    *,
    model_version: str,
    recipe_id: str,
    protocol_id: str,
    holdout_reads: int,
    n_study: int,
    latency_ms: float,
    model_mb: float,
) -> FallEvidence:
    """Return what the hold-out's rows of selloffs.scores say of the judged model."""
    held = scores[scores["is_holdout"]]
    held = held.sort_values(["session", "symbol", "rung"], ignore_index=True)
    bootstrap = session_bootstrap(held, config)
    p, trivial, majority = (held[name].to_numpy(np.float64) for name in PROBABILITY.values())
    y, session = held["label"].to_numpy(), held["session"].to_numpy(np.int64)
    n_sessions = int(np.unique(session).size)
    on = f"n {len(held):,} falls, {n_sessions} sessions"
    hits = _hits(p, y)
    samples = bootstrap.auc_samples(p, y, session) - bootstrap.auc_samples(trivial, y, session)
    ranked = bootstrap.around(auc(p, y) - auc(trivial, y), samples)
    tradable = held[held["is_first"]]
    gain, chosen_r, all_r = selected_gain(tradable, bootstrap)
    n_chosen = int(tradable["is_selected"].sum())
    worth = f"{chosen_r:.3f} R of {n_chosen} selected, {all_r:.3f} R of all {len(tradable)}"
    return FallEvidence(
        model_version=model_version,
        recipe_id=recipe_id,
        protocol_id=protocol_id,
        holdout_reads=holdout_reads,
        n_study=n_study,
        n_events=len(held),
        n_sessions=n_sessions,
        accuracy=_estimate(_mean_interval(hits, session, bootstrap), on),
        accuracy_gain=_estimate(
            _mean_interval(hits - _hits(majority, y), session, bootstrap),
            f"majority alone {accuracy(majority, y):.3f}",
        ),
        auc_gain=_estimate(ranked, f"AUC {auc(p, y):.3f}, trivial score {auc(trivial, y):.3f}"),
        gain_r=_estimate(gain, worth),
        gain_frac=gain.value / abs(all_r) if all_r else float("nan"),
        ece=expected_calibration_error(p, y),
        calibration_slope=logistic_line(logit(p), y)[1],
        latency_ms=latency_ms,
        model_mb=model_mb,
    )


def selected_gain(
    tradable: pd.DataFrame, bootstrap: SessionBootstrap
) -> tuple[Interval, float, float]:
    """Return the expectancy of selected falls less that of all with its interval, and both [R].

    `tradable` has session, r_multiple and is_selected; NaN where none is selected.
    """
    r = tradable["r_multiple"].to_numpy(np.float64)
    chosen = tradable["is_selected"].to_numpy(bool)
    session = tradable["session"].to_numpy(np.int64)
    chosen_r = float(r[chosen].mean()) if chosen.any() else float("nan")
    all_r = float(r.mean()) if r.size else float("nan")
    sums = bootstrap.sums(session, np.column_stack([r * chosen, chosen, r, np.ones(r.size)]))
    samples = ratio(sums[:, 0], sums[:, 1]) - ratio(sums[:, 2], sums[:, 3])
    return bootstrap.around(chosen_r - all_r, samples), chosen_r, all_r


def judge_falls(evidence: FallEvidence, config: SelloffModelConfig, gate: GateConfig) -> Verdict:
    """Return the verdict by the gate's rule: rejected, undecided or promoted (see `decide`).

    Too few falls or sessions leave open all that rests on them.
    """
    e = evidence
    times = "once" if e.holdout_reads == 1 else f"{e.holdout_reads} times"
    has_enough = e.n_study >= config.min_events and e.n_sessions >= config.min_sessions
    detail = (
        f"{e.n_study:,} falls in all, {e.n_events:,} in the {e.n_sessions} sessions of the"
        f" hold-out, read {times}"
    )
    asked = f">= {config.min_events:,} falls in all, {config.min_sessions} sessions held out"
    enough = Criterion("events", float(e.n_study), asked, has_enough or None, detail)
    resting = (
        at_least("accuracy", _known(e.accuracy.value), config.min_accuracy, told(e.accuracy)),
        above("accuracy_above_majority", _known(e.accuracy_gain.low), 0.0, told(e.accuracy_gain)),
        above("auc_above_trivial", _known(e.auc_gain.low), 0.0, told(e.auc_gain)),
        at_least("gain_r", _known(e.gain_r.value), config.min_gain_r, told(e.gain_r)),
        at_least(
            "gain_frac", _known(e.gain_frac), config.min_gain_frac, "share of what taking all earns"
        ),
        above("gain_r_low", _known(e.gain_r.low), 0.0, told(e.gain_r)),
        at_most("ece", e.ece, gate.max_ece, "expected calibration error"),
        slope_within(e.calibration_slope, gate),
    )
    served = (
        at_most("latency_ms", e.latency_ms, gate.max_latency_ms, "per 500 rows"),
        at_most("model_mb", e.model_mb, gate.max_model_mb, "all files together"),
    )
    told_lines: tuple[Criterion, ...] = (enough, *resting)
    if not has_enough:
        told_lines = tuple(_left_open(line) for line in told_lines)
    criteria = (*told_lines, *served)
    return verdict_of(criteria, e.model_version, e.recipe_id, e.protocol_id)


def verdict_words(verdict: Verdict) -> str:
    """Return the verdict on a model of falls in plain words."""
    failed = [line.criterion for line in verdict.criteria if line.is_passed is False]
    if verdict.verdict == PROMOTED:
        return "A tradable edge: every criterion holds on the hold-out, after costs."
    if verdict.verdict == REJECTED and set(failed) & set(EDGE):
        return f"No tradable edge found: {', '.join(failed)} missed."
    if verdict.verdict == REJECTED:
        return f"Not fit for service: {', '.join(failed)} missed."
    events = next((line for line in verdict.criteria if line.criterion == "events"), None)
    if events is not None and events.is_passed is None:
        return f"Not assessable: {events.detail.removeprefix('not assessable: ')}; no edge claimed."
    unknown = [line.criterion for line in verdict.criteria if line.is_passed is None]
    return f"Not assessable: {', '.join(unknown)} could not be told; no edge claimed."


def _left_open(line: Criterion) -> Criterion:
    detail = f"not assessable: {line.detail}"
    return Criterion(line.criterion, line.value, line.threshold, None, detail)


def _hits(probability: Floats, label: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> Floats:
    """One where a row is on the right side of one half."""
    return np.asarray((probability > 0.5) == (label > 0), dtype=np.float64)


def _mean_interval(
    value: Floats,
    session: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    bootstrap: SessionBootstrap,
) -> Interval:
    """Mean of a value a row, with its interval."""
    mean = float(value.mean()) if value.size else float("nan")
    sums = bootstrap.sums(session, np.column_stack([value, np.ones(value.size)]))
    return bootstrap.around(mean, ratio(sums[:, 0], sums[:, 1]))


def _estimate(interval: Interval, detail: str) -> Estimate:
    return Estimate(interval.value, interval.low, interval.high, detail)


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
