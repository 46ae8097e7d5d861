"""Hyper-parameter search of one learner on purged folds inside the training span.

Each trial is judged over the inner folds' natural, unweighted test rows, by mean AUC or by the
profit of its cheap book. All trials are kept, pruned and failed ones too: the deflated Sharpe
ratio counts them.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import Device, Objective, SweepsConfig
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.sweeps.learners import canonical_json, new_learner
from trading_pipeline.domain.sweeps.plan import Planned, planned_trials
from trading_pipeline.domain.sweeps.spaces import (
    Candidate,
    default_candidate,
    suggest_candidate,
)
from trading_pipeline.domain.sweeps.trial import (
    Folds,
    SearchData,
    TrialOutcome,
    TrialSettings,
    ended_trial,
)
from trading_pipeline.domain.sweeps.trial_book import Costs, profit_frac

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import Trial

Task: TypeAlias = Callable[[], TrialOutcome]

STARTUP_TRIALS = 5
CANARY_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class _Asked:
    """A trial whose candidate is chosen; ``kept`` is how it ended before the search was killed."""

    number: int
    planned: Planned
    trial: "Trial"
    candidate: Candidate
    kept: TrialOutcome | None


def search(
    learner: str,
    data: SearchData,
    *,
    folds: Folds,
    config: SweepsConfig,
    sweep_id: str,
    block: int,
    threads: int,
    timer: Callable[[], float],
    device: Device = "cpu",
    has_skill: bool = True,
    incumbent: Candidate | None = None,
    book: "Study | None" = None,
    on_trial: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Run the trials of one sweep; columns of sweeps.trials but ``profit_frac``.

    ``folds`` are (train, test) row positions of ``data``, purged by the caller. Which trials are
    made is ``planned_trials``; what the plan leaves open is drawn by TPE, reseeded for each trial
    from the sweep and the trial's number. Trials are made in rounds of ``trials_per_round``: all
    of a round are asked before the first is told, so the sampler and the pruning know whole
    rounds only. A repeated search is therefore the same to the bit, whatever ``config.workers``,
    which run a round's trials side by side, and ``threads``. ``timer`` gives seconds;
    ``on_trial`` is told (trials done, trials planned).

    ``book`` is a study that outlives the process: each trial is written there as it ends, and one
    that is found there is not run again. It must belong to this search alone.

    Every fold runs all rounds and the round is chosen once, on the mean AUC curve of the folds,
    whatever the objective: the best round of a single fold is mostly its noise. Raises ValueError
    without folds.
    """
    import optuna

    if not folds:
        raise ValueError("a search needs inner folds")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    plan = planned_trials(learner, data.windows, config, incumbent, has_skill=has_skill)
    settings = TrialSettings(learner, config.max_rounds, config.seed, config.objective, device)
    known = _known_outcomes(book)
    workers = min(config.workers, config.trials_per_round)
    first_values: list[float] = []
    rows: list[dict[str, Any]] = []
    for start in range(0, len(plan), config.trials_per_round):
        asked = []
        for number in range(start, min(start + config.trials_per_round, len(plan))):
            study.sampler = optuna.samplers.TPESampler(
                n_startup_trials=STARTUP_TRIALS, seed=_trial_seed(sweep_id, number, config.seed)
            )
            point = plan[number].point
            if point is not None:
                study.enqueue_trial(point)
            trial = study.ask()
            candidate = suggest_candidate(trial, learner, data.windows)
            kept = known.get((number, canonical_json(candidate.to_record())))
            asked.append(_Asked(number, plan[number], trial, candidate, kept))
        tasks: dict[int, Task] = {
            one.number: partial(
                ended_trial,
                one.candidate,
                data,
                folds,
                settings,
                earlier=tuple(first_values),
                threads=max(1, threads // workers),
                timer=timer,
            )
            for one in asked
            if one.kept is None
        }
        ended = {one.number: one.kept for one in asked if one.kept is not None}
        done = start + len(ended)
        for number, outcome in _as_they_end(tasks, workers):
            ended[number], done = outcome, done + 1
            if book is not None:
                _write_down(book, asked[number - start], outcome)
            if on_trial is not None:
                on_trial(done, len(plan))
        for one in asked:
            outcome = ended[one.number]
            _tell(study, one.trial, outcome)
            if outcome.first_value is not None:
                first_values.append(outcome.first_value)
            row = _row(one, outcome)
            rows.append({"sweep_id": sweep_id, "learner": learner, "block": block, **row})
    trials = pd.DataFrame(rows).assign(n_rows=len(data.y))
    measures = ["auc", "gross_frac", "turnover"]
    return trials.astype({"best_round": "Int64"} | dict.fromkeys(measures, "float64"))


def _row(one: _Asked, outcome: TrialOutcome) -> dict[str, Any]:
    record = one.candidate.to_record()
    if outcome.error:
        record["error"] = outcome.error
    return {
        "trial": one.number,
        "origin": one.planned.origin,
        "state": outcome.state,
        "params_json": canonical_json(record),
        "fold_scores_json": canonical_json(outcome.fold_scores),
        "auc": outcome.auc,
        "gross_frac": outcome.gross_frac,
        "turnover": outcome.turnover,
        "best_round": outcome.best_round,
        "seconds": outcome.seconds,
        "returns_json": canonical_json(dict(outcome.returns or {})),
    }


def _as_they_end(tasks: Mapping[int, Task], workers: int) -> Iterator[tuple[int, TrialOutcome]]:
    if workers == 1:
        for number, task in tasks.items():
            yield number, task()
        return
    with ThreadPoolExecutor(max_workers=workers) as pool:
        numbers = {pool.submit(task): number for number, task in tasks.items()}
        try:
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell(study: "Study", trial: "Trial", outcome: TrialOutcome) -> None:
    if outcome.first_value is not None:
        trial.report(outcome.first_value, 0)
    study.tell(trial, outcome.value, state=_state_of(outcome))


def _state_of(outcome: TrialOutcome) -> Any:
    from optuna.trial import TrialState

    states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
    return states.get(outcome.state, TrialState.FAIL)


def _write_down(book: "Study", one: _Asked, outcome: TrialOutcome) -> None:
    from optuna.trial import create_trial

    first = outcome.first_value
    book.add_trial(
        create_trial(
            state=_state_of(outcome),
            value=outcome.value,
            params=one.trial.params,
            distributions=one.trial.distributions,
            intermediate_values={} if first is None else {0: first},
            user_attrs={
                "number": one.number,
                "candidate": canonical_json(one.candidate.to_record()),
                "outcome": outcome.to_record(),
            },
        )
    )


def _known_outcomes(book: "Study | None") -> dict[tuple[int, str], TrialOutcome]:
    """Return how trials ended, by number and candidate."""
    if book is None:
        return {}
    attributes = [trial.user_attrs for trial in book.get_trials(deepcopy=False)]
    return {
        (a["number"], a["candidate"]): TrialOutcome.from_record(a["outcome"]) for a in attributes
    }


def best_trials(
    trials: pd.DataFrame, objective: Objective = "auc", costs: Costs | None = None
) -> pd.DataFrame:
    """The complete trial of highest AUC or profit per learner and block (the earlier on a tie).

    ``trials`` is sweeps.trials; gives sweeps.best. Profit is after ``costs``, by default none.
    Raises ValueError naming the sweeps in which no trial was completed.
    """
    keys = ["learner", "block"]
    n_trials = trials.groupby(keys).size().rename("n_trials").reset_index()
    complete = trials[(trials["state"] == "complete") & trials["auc"].notna()]
    complete = complete.assign(value=objective_values(complete, objective, costs))
    ordered = complete.sort_values([*keys, "value", "trial"], ascending=[True, True, False, True])
    best = ordered.drop_duplicates(keys).merge(n_trials, on=keys, how="right")
    empty = best.loc[best["trial"].isna(), keys]
    if len(empty):
        names = ", ".join(f"{r.learner} of block {r.block}" for r in empty.itertuples())
        raise ValueError(f"no trial was completed for {names}; see sweeps.trials for the errors")
    columns = [*keys, "trial", "params_json", "auc", "gross_frac", "turnover", "best_round"]
    whole = {"trial": "int64", "best_round": "int64"}
    return best[[*columns, "n_trials"]].astype(whole).reset_index(drop=True)


def objective_values(
    trials: pd.DataFrame, objective: Objective, costs: Costs | None = None
) -> pd.Series:
    """Return what the objective thinks of each trial, NaN where it is not complete."""
    if objective == "auc":
        return trials["auc"].astype("float64")
    gross, turnover = (trials[name].to_numpy("float64") for name in ("gross_frac", "turnover"))
    return pd.Series(profit_frac(gross, turnover, costs or Costs()), index=trials.index)


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


def _trial_seed(sweep_id: str, number: int, seed: int) -> int:
    digest = hashlib.sha256(f"{sweep_id}/{number}/{seed}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
