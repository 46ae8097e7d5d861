"""One trial: a candidate fitted on every inner fold, scored, and its cheap book kept."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_pipeline.contracts.config import Device, Objective
from trading_pipeline.domain.sweeps.learners import (
    Floats,
    Labels,
    Learner,
    Matrix,
    Weights,
    new_learner,
)
from trading_pipeline.domain.sweeps.spaces import Candidate, Choice, Windows
from trading_pipeline.domain.sweeps.trial_book import (
    Costs,
    Outcomes,
    TrialBook,
    keep_book,
    profit_frac,
)

Rows = NDArray[np.intp]
Folds = Sequence[tuple[Rows, Rows]]

# A round's AUC is averaged with its neighbours, so that one lucky round is not chosen.
SMOOTHING_ROUNDS = 9
# Fewer trials say too little about what a usual first fold is.
MIN_TRIALS_BEFORE_PRUNING = 4


@dataclass(frozen=True, slots=True)
class SearchData:
    """Rows a search may see: the training span before its block, thinned by session.

    ``X`` (n, p) float32 with NaN as missing, ``y`` (n,) of 0 and 1, ``weight`` (n,) above zero.
    ``windows`` names the indicator families and their lengths; ``columns_for`` gives the column
    positions that belong to one choice per family, all columns where there is nothing to choose.
    ``outcomes`` tells what the rows earned; without it no trial has a return series. ``names`` are
    the columns' own, for a learner that reads them.
    """

    X: Matrix
    y: Labels
    weight: Weights
    windows: Windows
    columns_for: Callable[[Mapping[str, Choice]], Sequence[int]]
    outcomes: Outcomes | None = None
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class TrialSettings:
    """How every trial of a sweep is run."""

    learner: str
    max_rounds: int
    seed: int
    objective: Objective
    device: Device


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """How a trial ended; ``first_value`` is its first fold's value, comparable between trials.

    ``value`` is the objective's, missing where the trial was pruned or failed; ``auc`` the mean
    of ``fold_scores``, ``gross_frac`` and ``turnover`` those of its cheap book.
    """

    state: str
    first_value: float | None = None
    value: float | None = None
    auc: float | None = None
    gross_frac: float | None = None
    turnover: float | None = None
    fold_scores: tuple[float, ...] = ()
    best_round: int | None = None
    returns: Mapping[str, float] | None = None
    error: str = ""
    seconds: float = 0.0

    def to_record(self) -> dict[str, Any]:
        """Plain JSON types, from which the outcome comes back to the bit."""
        return {**asdict(self), "fold_scores": list(self.fold_scores)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "TrialOutcome":
        """Read what ``to_record`` gave."""
        return cls(**{**record, "fold_scores": tuple(record["fold_scores"])})


def ended_trial(
    candidate: Candidate,
    data: SearchData,
    folds: Folds,
    settings: TrialSettings,
    *,
    earlier: Sequence[float],
    threads: int,
    timer: Callable[[], float],
) -> TrialOutcome:
    """Run a trial; what a learner raises ends it as failed, with the reason.

    ``earlier`` are the first folds' values of trials before it: one below their median is pruned.
    """
    started = timer()
    try:
        outcome = _run_trial(candidate, data, folds, settings, earlier, threads)
    except Exception as error:
        # A learner may refuse a candidate in its own words; the trial is kept as failed.
        outcome = TrialOutcome("failed", error=f"{type(error).__name__}: {error}")
    return replace(outcome, seconds=timer() - started)


def _run_trial(
    candidate: Candidate,
    data: SearchData,
    folds: Folds,
    settings: TrialSettings,
    earlier: Sequence[float],
    threads: int,
) -> TrialOutcome:
    columns = np.asarray(data.columns_for(candidate.windows), dtype=np.intp)
    names = [data.names[place] for place in columns] if data.names else []

    def fitted(fold: tuple[Rows, Rows], fit_threads: int) -> Learner:
        train, test = fold
        model = new_learner(
            settings.learner,
            candidate.params,
            seed=settings.seed,
            threads=fit_threads,
            device=settings.device,
            columns=names,
        )
        return model.fit(
            data.X[np.ix_(train, columns)],
            data.y[train],
            data.weight[train],
            rounds=settings.max_rounds,
            eval_set=(data.X[np.ix_(test, columns)], data.y[test]),
        )

    def chances(model: Learner, test: Rows, rounds: int) -> Floats:
        return model.predict(data.X[np.ix_(test, columns)], rounds=rounds)

    def profit(scores: Floats, rows: Rows) -> float:
        if data.outcomes is None:
            raise ValueError("what the rows earned is not known: search by auc")
        return _profit(keep_book(scores, data.outcomes, rows), data.outcomes.costs)

    first = fitted(folds[0], threads)
    curve = smoothed(first.eval_auc)
    if not np.isfinite(curve.max()):
        raise ValueError("the first inner fold has one class only")
    first_value = float(curve.max())
    if settings.objective == "profit":
        test = folds[0][1]
        first_value = profit(chances(first, test, int(np.argmax(curve)) + 1), test)
    if len(earlier) >= MIN_TRIALS_BEFORE_PRUNING and first_value < np.median(earlier):
        return TrialOutcome("pruned", first_value, fold_scores=(float(curve.max()),))
    # Folds side by side with one thread each beat one fold with all threads.
    with ThreadPoolExecutor(max_workers=threads) as pool:
        models = [first, *pool.map(lambda fold: fitted(fold, 1), folds[1:])]
    curves = np.vstack([model.eval_auc for model in models])
    best_round = int(np.argmax(smoothed(curves.mean(axis=0)))) + 1
    scores = tuple(float(v) for v in curves[:, best_round - 1])
    auc = float(np.mean(scores))
    outcome = TrialOutcome(
        "complete", first_value, auc, auc, fold_scores=scores, best_round=best_round
    )
    if data.outcomes is None:
        return outcome
    tested = np.concatenate([test for _, test in folds])
    own = [chances(model, test, best_round) for model, (_, test) in zip(models, folds, strict=True)]
    book = keep_book(np.concatenate(own), data.outcomes, tested)
    value = auc
    if settings.objective == "profit":
        value = _profit(book, data.outcomes.costs)
    return replace(
        outcome,
        value=value,
        gross_frac=book.gross_frac,
        turnover=book.turnover,
        returns=book.returns,
    )


def _profit(book: TrialBook, costs: Costs) -> float:
    value = profit_frac(book.gross_frac, book.turnover, costs)
    if not np.isfinite(value):
        raise ValueError("no session of two names has a known return: there is no profit")
    return value


def smoothed(curve: Floats) -> Floats:
    """Centred mean over nine rounds, of fewer at the ends."""
    width = min(SMOOTHING_ROUNDS, curve.size)
    ones = np.ones(width)
    counts = np.convolve(np.ones(curve.size), ones, mode="same")
    return np.asarray(np.convolve(curve, ones, mode="same") / counts, dtype=np.float64)
