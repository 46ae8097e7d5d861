"""Hyper-parameter search of one learner on purged folds inside the training span.

Each trial is judged by the mean AUC over the inner folds' natural, unweighted test rows. All
trials are kept, pruned and failed ones too: the deflated Sharpe ratio counts them.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import Device
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.sweeps.learners import (
    Floats,
    Labels,
    Learner,
    Matrix,
    Weights,
    canonical_json,
    new_learner,
)
from trading_pipeline.domain.sweeps.spaces import (
    Candidate,
    Choice,
    Windows,
    candidate_point,
    default_candidate,
    n_trials_of,
    suggest_candidate,
    window_rotation,
)
from trading_pipeline.domain.sweeps.trial_book import Outcomes, trial_returns

Rows = NDArray[np.intp]
Folds = Sequence[tuple[Rows, Rows]]

# A round's AUC is averaged with its neighbours, so that one lucky round is not chosen.
SMOOTHING_ROUNDS = 9
# Fewer trials say too little about what a usual first fold is.
MIN_TRIALS_BEFORE_PRUNING = 4
CANARY_ROUNDS = 50


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
class _Outcome:
    """A trial that ran; ``first_best`` is the peak of its first fold, comparable between trials."""

    first_best: float
    fold_scores: tuple[float, ...]
    best_round: int | None
    is_pruned: bool
    returns: Mapping[str, float]


def search(
    learner: str,
    data: SearchData,
    *,
    folds: Folds,
    n_trials: int,
    max_rounds: int,
    sweep_id: str,
    block: int,
    seed: int,
    threads: int,
    timer: Callable[[], float],
    device: Device = "cpu",
    incumbent: Candidate | None = None,
    on_trial: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run the trials of one sweep; columns of sweeps.trials.

    ``folds`` are (train, test) row positions of ``data``, purged by the caller. Trial 0 is the
    fixed default, trial 1 the ``incumbent`` where there is one (the parameters in service), the
    next ones try every window once (a learner of fixed settings makes one trial, with the middle
    windows), the rest is drawn by TPE, reseeded for each trial from the
    sweep and the trial's number, so that a repeated search is the same to the bit, whatever
    ``threads``. ``timer`` gives seconds; ``on_trial`` is told (trials done, trials planned).

    Every fold runs all rounds and the round is chosen once, on the mean curve of the folds: the
    best round of a single fold is mostly its noise. Raises ValueError without folds.
    """
    import optuna

    if not folds or n_trials < 1:
        raise ValueError("a search needs inner folds and at least one trial")
    n_trials = n_trials_of(learner, n_trials)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial(candidate_point(default_candidate(learner, data.windows)))
    if incumbent is not None:
        study.enqueue_trial(candidate_point(incumbent))
    for point in window_rotation(data.windows):
        study.enqueue_trial(point)
    first_folds: list[float] = []
    rows = []
    for number in range(n_trials):
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=5, seed=_trial_seed(sweep_id, number, seed)
        )
        started = timer()
        trial = study.ask()
        candidate = suggest_candidate(trial, learner, data.windows)
        outcome: _Outcome | None
        try:
            outcome = _run_trial(
                learner, candidate, data, folds, max_rounds, seed, threads, device, first_folds
            )
        except Exception as error:
            # A learner may refuse a candidate in its own words; the trial is kept as failed.
            outcome, reason = None, f"{type(error).__name__}: {error}"
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        state, score = "failed", float("nan")
        if outcome is not None:
            first_folds.append(outcome.first_best)
            trial.report(outcome.first_best, 0)
            if outcome.is_pruned:
                state = "pruned"
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                state, score = "complete", float(np.mean(outcome.fold_scores))
                study.tell(trial, score)
        record = candidate.to_record()
        if outcome is None:
            record["error"] = reason
        rows.append(
            {
                "sweep_id": sweep_id,
                "learner": learner,
                "block": block,
                "trial": number,
                "state": state,
                "params_json": canonical_json(record),
                "fold_scores_json": canonical_json(outcome.fold_scores if outcome else []),
                "auc": score,
                "best_round": outcome.best_round if outcome else None,
                "n_rows": len(data.y),
                "seconds": timer() - started,
                "returns_json": canonical_json(dict(outcome.returns) if outcome else {}),
            }
        )
        if on_trial is not None:
            on_trial(number + 1, n_trials)
    trials = pd.DataFrame(rows)
    trials["best_round"] = trials["best_round"].astype("Int64")
    return trials


def best_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """The complete trial of highest AUC per learner and block (the earlier one on a tie).

    ``trials`` is sweeps.trials; gives sweeps.best. Raises ValueError naming the sweeps in which
    no trial was completed.
    """
    keys = ["learner", "block"]
    n_trials = trials.groupby(keys).size().rename("n_trials").reset_index()
    complete = trials[(trials["state"] == "complete") & trials["auc"].notna()]
    ordered = complete.sort_values([*keys, "auc", "trial"], ascending=[True, True, False, True])
    best = ordered.drop_duplicates(keys).merge(n_trials, on=keys, how="right")
    empty = best.loc[best["trial"].isna(), keys]
    if len(empty):
        names = ", ".join(f"{r.learner} of block {r.block}" for r in empty.itertuples())
        raise ValueError(f"no trial was completed for {names}; see sweeps.trials for the errors")
    columns = [*keys, "trial", "params_json", "auc", "best_round", "n_trials"]
    return best[columns].astype({"trial": "int64", "best_round": "int64"}).reset_index(drop=True)


def failed_learners(trials: pd.DataFrame) -> dict[str, str]:
    """Learners without a complete trial in some block, each with the reason of its last failure.

    ``trials`` is sweeps.trials. A stack needs every learner in every block, so these are out.
    """
    failed = {}
    for key, part in trials.groupby(["learner", "block"], sort=True):
        if not ((part["state"] == "complete") & part["auc"].notna()).any():
            learner, block = key
            errors = [json.loads(text).get("error") for text in part["params_json"]]
            reason = next((e for e in reversed(errors) if e), "no trial was completed")
            failed[str(learner)] = f"block {block}: {reason}"
    return failed


def canary_auc(data: SearchData, folds: Folds, *, seed: int, threads: int) -> float:
    """Mean inner-fold AUC of one small LightGBM fit with default settings.

    The caller compares it with ``canary_min_auc`` before it pays for the whole sweep, and says
    so. NaN where a fold has one class only.
    """
    candidate = default_candidate("lightgbm", data.windows)
    columns = np.asarray(data.columns_for(candidate.windows), dtype=np.intp)
    scores = []
    for train, test in folds:
        model = new_learner("lightgbm", candidate.params, seed=seed, threads=threads)
        model.fit(
            data.X[np.ix_(train, columns)],
            data.y[train],
            data.weight[train],
            rounds=CANARY_ROUNDS,
        )
        scores.append(auc(model.predict(data.X[np.ix_(test, columns)]), data.y[test]))
    return float(np.mean(scores))


def smoothed(curve: Floats) -> Floats:
    """Centred mean over nine rounds, of fewer at the ends."""
    width = min(SMOOTHING_ROUNDS, curve.size)
    ones = np.ones(width)
    counts = np.convolve(np.ones(curve.size), ones, mode="same")
    return np.asarray(np.convolve(curve, ones, mode="same") / counts, dtype=np.float64)


def _run_trial(
    learner: str,
    candidate: Candidate,
    data: SearchData,
    folds: Folds,
    max_rounds: int,
    seed: int,
    threads: int,
    device: Device,
    first_folds: Sequence[float],
) -> _Outcome:
    columns = np.asarray(data.columns_for(candidate.windows), dtype=np.intp)
    names = [data.names[place] for place in columns] if data.names else []

    def fitted(fold: tuple[Rows, Rows], fit_threads: int) -> Learner:
        train, test = fold
        model = new_learner(
            learner,
            candidate.params,
            seed=seed,
            threads=fit_threads,
            device=device,
            columns=names,
        )
        return model.fit(
            data.X[np.ix_(train, columns)],
            data.y[train],
            data.weight[train],
            rounds=max_rounds,
            eval_set=(data.X[np.ix_(test, columns)], data.y[test]),
        )

    first = fitted(folds[0], threads)
    best_of_first = float(smoothed(first.eval_auc).max())
    if not np.isfinite(best_of_first):
        raise ValueError("the first inner fold has one class only")
    if len(first_folds) >= MIN_TRIALS_BEFORE_PRUNING and best_of_first < np.median(first_folds):
        return _Outcome(best_of_first, (best_of_first,), None, is_pruned=True, returns={})
    # Folds side by side with one thread each beat one fold with all threads.
    with ThreadPoolExecutor(max_workers=threads) as pool:
        models = [first, *pool.map(lambda fold: fitted(fold, 1), folds[1:])]
    curves = np.vstack([model.eval_auc for model in models])
    best_round = int(np.argmax(smoothed(curves.mean(axis=0)))) + 1
    scores = tuple(float(v) for v in curves[:, best_round - 1])
    returns: Mapping[str, float] = {}
    if data.outcomes is not None:
        tested = np.concatenate([test for _, test in folds])
        chances = [
            model.predict(data.X[np.ix_(test, columns)], rounds=best_round)
            for model, (_, test) in zip(models, folds, strict=True)
        ]
        returns = trial_returns(np.concatenate(chances), data.outcomes, tested)
    return _Outcome(best_of_first, scores, best_round, is_pruned=False, returns=returns)


def _trial_seed(sweep_id: str, number: int, seed: int) -> int:
    digest = hashlib.sha256(f"{sweep_id}/{number}/{seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
