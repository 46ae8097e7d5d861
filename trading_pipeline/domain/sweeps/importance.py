"""Which parameters a sweep's result depends on: fANOVA over its complete trials.

Source: Hutter, Hoos and Leyton-Brown, *An Efficient Approach for Assessing Hyperparameter
Importance* (2014), as Optuna computes it.
"""

import json

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import Objective
from trading_pipeline.domain.sweeps.search import objective_values
from trading_pipeline.domain.sweeps.spaces import (
    Candidate,
    Choice,
    candidate_point,
    distributions_of,
)
from trading_pipeline.domain.sweeps.trial_book import Costs

# Fewer trials than these tell nothing of a parameter.
FEWEST_TRIALS = 8
N_TREES = 64


def parameter_importance(
    trials: pd.DataFrame,
    *,
    seed: int,
    objective: Objective = "auc",
    costs: Costs | None = None,
) -> pd.DataFrame:
    """Return learner, parameter, importance_frac (adds to 1 a learner) and n_trials, sorted.

    `trials` is sweeps.trials. Blocks of a learner are taken together, each trial by its distance
    from its block's mean: blocks see different years. A learner with fewer than eight complete
    trials, or whose trials all score the same, is not assessable and has no row.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    complete = trials[trials["state"] == "complete"].sort_values(["learner", "block", "trial"])
    value = objective_values(complete, objective, costs)
    complete = complete.assign(value=value)[value.notna()]
    block_mean = complete.groupby(["learner", "block"])["value"].transform("mean")
    complete["value"] -= block_mean
    rows = []
    for learner, part in complete.groupby("learner", sort=True):
        candidates = [Candidate.from_record(json.loads(text)) for text in part["params_json"]]
        windows = _offered(candidates)
        distributions = distributions_of(str(learner), windows)
        varied = [name for name, one in distributions.items() if not one.single()]
        if len(part) < FEWEST_TRIALS or not varied or np.ptp(part["value"].to_numpy()) == 0:
            continue
        study = optuna.create_study(direction="maximize")
        for candidate, reached in zip(candidates, part["value"], strict=True):
            point = candidate_point(candidate)
            study.add_trial(
                optuna.trial.create_trial(
                    value=float(reached),
                    params={name: point[name] for name in varied},
                    distributions={name: distributions[name] for name in varied},
                )
            )
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=N_TREES, seed=seed)
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
        rows += [(str(learner), name, float(share), len(part)) for name, share in found.items()]
    table = pd.DataFrame(rows, columns=["learner", "parameter", "importance_frac", "n_trials"])
    order = ["learner", "importance_frac", "parameter"]
    return table.sort_values(order, ascending=[True, False, True]).reset_index(drop=True)


def _offered(candidates: list[Candidate]) -> dict[str, list[Choice]]:
    """Return the windows that were tried."""
    families = sorted({family for one in candidates for family in one.windows})
    return {
        family: sorted({one.windows[family] for one in candidates}, key=str) for family in families
    }
