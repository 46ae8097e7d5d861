"""The cheap book of a trial: what its out-of-fold ranks would have earned, and traded.

It serves the deflated Sharpe ratio and the probability of overfitting, which need a return
series of every trial and not the ledger's detail, and searches for profit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.costs import BPS, SESSIONS_PER_YEAR

Floats = NDArray[np.float64]
Fractions = TypeVar("Fractions", float, Floats)

# A dollar-neutral book is short with half of what it holds.
SHORT_FRAC = 0.5


@dataclass(frozen=True, slots=True)
class Costs:
    """What the cheap book pays.

    ``traded_frac`` for all it buys and sells, ``held_frac`` for holding a cohort over its horizon,
    both over the amount.
    """

    traded_frac: float = 0.0
    held_frac: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What the rows of a search earned.

    ``session`` (n,) is the ordinal of the decision, ``return_frac`` (n,) the return over the
    ``horizon_sessions`` that follow it. ``name`` (n,) is whose it is, as a number: what one
    cohort sells and the next buys is not traded. Without it every row is a name of its own.
    """

    session: NDArray[np.int64]
    return_frac: Floats
    horizon_sessions: int
    name: NDArray[np.int64] | None = None
    costs: Costs = Costs()


@dataclass(frozen=True, slots=True)
class TrialBook:
    """A trial's cheap book.

    ``returns`` are the mean returns of each horizon's cohorts, by the ordinal it begins with.
    ``gross_frac`` is the mean return of a cohort before costs, ``turnover`` what is bought and
    sold for a cohort over its absolute weights, at most 2; both NaN without a cohort.
    """

    returns: Mapping[str, float]
    gross_frac: float
    turnover: float


def keep_book(scores: Floats, outcomes: Outcomes, rows: NDArray[np.intp]) -> TrialBook:
    """Return the book of ``scores`` (m,), which rank the ``rows`` (m,) of ``outcomes``.

    Each session is a dollar-neutral cohort with weights proportional to the centred rank,
    absolute weights adding to one; equal scores share a rank, and a session of equal scores holds
    nothing. A session of one name has no cohort. Rows without a known return are left out. A
    cohort is opened out of the one a horizon before it, and sold where none follows.
    """
    names = np.arange(outcomes.session.size) if outcomes.name is None else outcomes.name
    frame = pd.DataFrame(
        {
            "session": outcomes.session[rows],
            "name": names[rows],
            "score": scores,
            "return_frac": outcomes.return_frac[rows],
        }
    ).dropna()
    frame = frame.sort_values(["session", "name"])
    by_session = frame.groupby("session", sort=True)
    frame["weight"] = by_session["score"].rank() - (by_session["score"].transform("size") + 1) / 2
    frame["gross"] = frame["weight"].abs()
    frame["earned"] = frame["weight"] * frame["return_frac"]
    cohorts = frame.groupby("session").agg(
        n=("score", "size"), gross=("gross", "sum"), earned=("earned", "sum")
    )
    cohorts = cohorts[cohorts["n"] > 1]
    if cohorts.empty:
        return TrialBook({}, float("nan"), float("nan"))
    earned = (cohorts["earned"] / cohorts["gross"]).where(cohorts["gross"] > 0, 0.0)
    first = cohorts.index.to_numpy("int64") // outcomes.horizon_sessions * outcomes.horizon_sessions
    means = earned.groupby(first).mean()
    return TrialBook(
        {str(period): float(mean) for period, mean in means.items()},
        float(earned.mean()),
        _traded(frame, outcomes.horizon_sessions) / len(cohorts),
    )


def _traded(frame: pd.DataFrame, horizon_sessions: int) -> float:
    """Return all that is bought and sold, in cohorts."""
    gross = frame.groupby("session")["gross"].transform("sum")
    held = frame.assign(held=frame["weight"] / gross.where(gross > 0, 1.0))
    held = held[["session", "name", "held"]]
    ended = held.assign(session=held["session"] + horizon_sessions)
    both = held.merge(ended, on=["session", "name"], how="outer", suffixes=("", "_before"))
    both = both.fillna(0.0).sort_values(["session", "name"])
    return float((both["held"] - both["held_before"]).abs().sum())


def trial_returns(
    scores: Floats, outcomes: Outcomes, rows: NDArray[np.intp]
) -> Mapping[str, float]:
    """Return the mean return of each horizon's cohorts, keyed by the ordinal it begins with."""
    return keep_book(scores, outcomes, rows).returns


def book_costs(config: BacktestConfig, horizon_sessions: int) -> Costs:
    """Return the backtest's costs of a book that knows neither prices nor volumes.

    Commission in basis points, and impact as where volume is missing: the largest share of it.
    """
    impact = config.impact_bps * np.sqrt(config.max_volume_frac)
    bps = config.half_spread_bps + config.slippage_bps + impact + config.commission_bps
    years = horizon_sessions / SESSIONS_PER_YEAR
    return Costs(float(bps * BPS), SHORT_FRAC * config.borrow_bps_per_year * BPS * years)


def profit_frac(gross_frac: Fractions, turnover: Fractions, costs: Costs) -> Fractions:
    """Return the mean return of a cohort after costs; a book that never trades pays nothing."""
    return gross_frac - costs.traded_frac * turnover - costs.held_frac * (turnover > 0)
