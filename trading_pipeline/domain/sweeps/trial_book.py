"""The cheap book of a trial: what its out-of-fold ranks would have earned, before costs.

It serves the deflated Sharpe ratio and the probability of overfitting, which need a return
series of every trial and not the ledger's detail.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the rows of a search earned.

    ``session`` (n,) is the ordinal of the decision, ``return_frac`` (n,) the return over the
    ``horizon_sessions`` that follow it.
    """

    session: NDArray[np.int64]
    return_frac: Floats
    horizon_sessions: int


def trial_returns(
    scores: Floats, outcomes: Outcomes, rows: NDArray[np.intp]
) -> Mapping[str, float]:
    """Return the mean return of each horizon's cohorts, keyed by the ordinal it begins with.

    ``scores`` (m,) rank the ``rows`` (m,) of ``outcomes``. Each session is a dollar-neutral
    cohort with weights proportional to the centred rank, absolute weights adding to one; equal
    scores share a rank, and a session of equal scores holds nothing. A session of one name has
    no cohort. Rows without a known return are left out.
    """
    frame = pd.DataFrame(
        {
            "session": outcomes.session[rows],
            "score": scores,
            "return_frac": outcomes.return_frac[rows],
        }
    ).dropna()
    by_session = frame.groupby("session", sort=True)
    frame["weight"] = by_session["score"].rank() - (by_session["score"].transform("size") + 1) / 2
    frame["gross"] = frame["weight"].abs()
    frame["earned"] = frame["weight"] * frame["return_frac"]
    cohorts = frame.groupby("session").agg(
        n=("score", "size"), gross=("gross", "sum"), earned=("earned", "sum")
    )
    cohorts = cohorts[cohorts["n"] > 1]
    earned = (cohorts["earned"] / cohorts["gross"]).where(cohorts["gross"] > 0, 0.0)
    first = cohorts.index.to_numpy("int64") // outcomes.horizon_sessions * outcomes.horizon_sessions
    means = earned.groupby(first).mean()
    return {str(period): float(mean) for period, mean in means.items()}
