"""The bars of the truth suite: what markets with known answers must show, and whether they do."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from trading_pipeline.domain.truth.suite import LARGE, LEVELS, SIGNALS

Result = Mapping[str, Any]

INTERVAL_SD = 2.57
NULL_MARGIN, NULL_MARKETS, COVERED_FRAC = 0.005, 40, 0.90
GATE_MARKETS, GATE_PROMOTED = 124, 2
CONTROL_AUC = 0.65
PLANTED_SEEDS = 5
# Recovered share of (oracle AUC - 0.5) by signal and oracle level.
RECOVERED = {
    ("linear", 0.60): 0.92,
    ("linear", 0.65): 0.95,
    ("interaction", 0.60): 0.85,
    ("interaction", 0.65): 0.87,
    ("regime", 0.60): 0.80,
    ("regime", 0.65): 0.88,
}


@dataclass(frozen=True, slots=True)
class Standard:
    """One bar: its number with an interval, what it must be, and what it rests on.

    `is_met` is None where the markets are too few, or too small, to judge it.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    required: str
    n: int
    of: str
    is_met: bool | None
    note: str

    def record(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def standards(results: Sequence[Result]) -> list[Standard]:
    """Return every bar that the results have a market for.

    A result has the fields of its task and of `judge_market` or `control_auc`.
    """

    def of(*kinds: str) -> list[Result]:
        return [result for result in results if result["kind"] in kinds]

    # The gate is judged on small markets; a suite without them shows it on its null ones.
    gated = of("small") or of("null")
    return [
        *_null(of("null")),
        *_gate(gated),
        *_control(of("control")),
        *_planted(of("planted")),
        *_given(of("given")),
    ]


def _null(results: Sequence[Result]) -> list[Standard]:
    known = [r for r in results if r["auc"] is not None]
    if not known:
        return []
    n = len(known)
    value, low, high = mean_interval([r["auc"] for r in known])
    is_inside = abs(value - 0.5) <= NULL_MARGIN
    # Few markets scatter: they show a fault only where their interval is clear of the margin.
    is_clear = (
        low is not None
        and high is not None
        and (low > 0.5 + NULL_MARGIN or high < 0.5 - NULL_MARGIN)
    )
    mean_met = is_inside if n >= NULL_MARKETS else (False if is_clear else None)
    covering = [r for r in known if r["auc_low"] is not None]
    covered = sum(r["auc_low"] <= 0.5 <= r["auc_high"] for r in covering)
    share, share_low, share_high = share_interval(covered, len(covering))
    reaches = share is not None and share >= COVERED_FRAC
    cannot = share_high is not None and share_high < COVERED_FRAC
    share_met = reaches if len(covering) >= NULL_MARKETS else (False if cannot else None)
    few = "" if n >= NULL_MARKETS else f"{n} of {NULL_MARKETS} markets: only a fault could show"
    blind = [r["volatility_auc"] for r in known if r.get("volatility_auc") is not None]
    beside = f"volatility only {np.mean(blind):.4f}" if blind else ""
    told = "; ".join(filter(None, (beside, few)))
    required = f"0.5 ± {NULL_MARGIN}"
    return [
        Standard("null: mean AUC", value, low, high, required, n, "markets", mean_met, told),
        Standard(
            "null: intervals that cover 0.5",
            share,
            share_low,
            share_high,
            f">= {COVERED_FRAC:.2f}",
            len(covering),
            "markets",
            share_met,
            few,
        ),
    ]


def _gate(results: Sequence[Result]) -> list[Standard]:
    if not results:
        return []
    n, promoted = len(results), sum(bool(r["is_promoted"]) for r in results)
    within = promoted <= GATE_PROMOTED
    share, low, high = share_interval(promoted, n)
    met = within if n >= GATE_MARKETS or not within else None
    note = "" if n >= GATE_MARKETS else f"{promoted} promoted, {n} of {GATE_MARKETS} markets"
    return [
        Standard(
            "gate: share of null markets promoted",
            share,
            low,
            high,
            f"<= {GATE_PROMOTED} of {GATE_MARKETS}",
            n,
            "markets",
            met,
            note,
        )
    ]


def _control(results: Sequence[Result]) -> list[Standard]:
    return [
        Standard(
            "positive control: AUC of random folds",
            r["auc"],
            None,
            None,
            f">= {CONTROL_AUC:.2f}",
            r["n_rows"],
            "rows",
            None if r["auc"] is None else r["auc"] >= CONTROL_AUC,
            "a flaw planted in the method must show",
        )
        for r in results
    ]


def _planted(results: Sequence[Result]) -> list[Standard]:
    made = []
    for signal in SIGNALS:
        for level in sorted({r["oracle_auc_planted"] for r in results if r["signal"] == signal}):
            own = [
                r
                for r in results
                if r["signal"] == signal
                and r["oracle_auc_planted"] == level
                and r["auc"] is not None
                and r["oracle_auc"] is not None
            ]
            if own:
                made += _recovered(f"{signal} {level:.2f}", own, RECOVERED.get((signal, level)))
    return made


def _recovered(name: str, results: Sequence[Result], wanted: float | None) -> list[Standard]:
    """Return whether the signal is seen at all, and how much of it is recovered."""
    lows = [r["auc_low"] for r in results if r["auc_low"] is not None]
    seen = Standard(
        f"{name}: lowest AUC interval is above 0.5",
        min((r["auc"] for r in results), default=None),
        min(lows, default=None),
        None,
        "> 0.5",
        len(lows),
        "markets",
        min(lows) > 0.5 if lows else None,
        "" if lows else "the hold-out is shorter than two blocks",
    )
    shares = [(r["auc"] - 0.5) / (r["oracle_auc"] - 0.5) for r in results]
    won = sum(r["auc"] - 0.5 for r in results)
    share = won / sum(r["oracle_auc"] - 0.5 for r in results)
    _, low, high = mean_interval(shares)
    is_large = all(r["n_symbols"] >= LARGE[0] and r["n_sessions"] >= LARGE[1] for r in results)
    is_judged = wanted is not None and is_large and len(results) >= PLANTED_SEEDS
    size = f"{PLANTED_SEEDS} seeds of {LARGE[0]} x {LARGE[1]:,}"
    return [
        seen,
        Standard(
            f"{name}: recovered share",
            share,
            low,
            high,
            "no bar at this level" if wanted is None else f">= {wanted:.2f}",
            len(results),
            "markets",
            share >= wanted if is_judged and wanted is not None else None,
            "" if is_judged else f"judged on at least {size} at {LEVELS[0]:.2f} or {LEVELS[1]:.2f}",
        ),
    ]


def _given(results: Sequence[Result]) -> list[Standard]:
    """Return what is known of markets made elsewhere: a signal is found, or none is invented."""
    made = []
    for r in results:
        if r["auc"] is None:
            continue
        low, high, truth = r["auc_low"], r["auc_high"], r["oracle_auc"]
        has_signal = truth is not None and truth > 0.52
        met = None
        if low is not None and truth is not None:
            met = low > 0.5 if has_signal else low <= 0.5 <= high
        share = (r["auc"] - 0.5) / (truth - 0.5) if truth is not None and has_signal else None
        told = "no row has an oracle score" if truth is None else f"oracle AUC {truth:.3f}"
        if share is not None:
            told += f", recovered share {share:.2f}"
        made.append(
            Standard(
                f"{r['name']}: AUC",
                r["auc"],
                low,
                high,
                "interval above 0.5" if has_signal else "interval covers 0.5",
                r["n_rows"],
                "rows",
                met,
                told,
            )
        )
    return made


def mean_interval(values: ArrayLike) -> tuple[float, float | None, float | None]:
    """Return the mean and ± 2.57 of its standard errors; no interval of fewer than two."""
    given = np.asarray(values, dtype=np.float64)
    mean = float(given.mean())
    if given.size < 2:
        return mean, None, None
    half = INTERVAL_SD * float(given.std(ddof=1)) / math.sqrt(given.size)
    return mean, mean - half, mean + half


def share_interval(count: int, n: int) -> tuple[float | None, float | None, float | None]:
    """Return a share and its 99 % interval under a flat prior (beta-binomial)."""
    if n == 0:
        return None, None, None
    from scipy.stats import beta

    low, high = beta.ppf([0.005, 0.995], count + 1, n - count + 1)
    return count / n, float(low), float(high)
