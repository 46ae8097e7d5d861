"""What the book's figures prove after all the trying: each with n, interval and period."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig, GateConfig
from trading_pipeline.domain.backtest.costs import SESSIONS_PER_YEAR
from trading_pipeline.domain.backtest.grid import Floats
from trading_pipeline.domain.backtest.overfitting import (
    FEWEST_GROUPS,
    TrialReturns,
    effective_trials,
    groups_for,
    jackknife_sd,
    overfit_probability,
    sharpe_variance,
)
from trading_pipeline.domain.backtest.sensitivity import break_even_multiple
from trading_pipeline.domain.backtest.sharpe import min_track_record
from trading_pipeline.domain.backtest.superior_ability import superior_ability
from trading_pipeline.domain.backtest.tear_sheet import Capacity, capital_at_limit
from trading_pipeline.domain.bars.sessions import session_dates

TRACK_CONFIDENCE = 0.95
FINAL_BLOCK = 0
MISSING = float("nan")
Dates = tuple[pd.Timestamp | None, pd.Timestamp | None]


class Proof(NamedTuple):
    """One row of backtest.evidence; missing where it cannot be told, `note` then says why."""

    metric: str
    value: float
    n: int
    note: str
    period: Dates = (None, None)
    low: float = MISSING
    high: float = MISSING


def trial_sharpe_variance(
    blocks: list[TrialReturns], horizon_sessions: int, min_horizons: int
) -> float:
    """Return the variance of the trials' Sharpe ratios per session; NaN where unknown.

    Their series have one return a horizon, of cohorts that are held that long.
    """
    return sharpe_variance(blocks, min_horizons) / horizon_sessions


def build_evidence(
    *,
    equity: pd.DataFrame,
    books: Mapping[str, pd.DataFrame],
    champion: pd.DataFrame | None,
    trials: pd.DataFrame,
    blocks: list[TrialReturns],
    carried: Capacity,
    config: BacktestConfig,
    gate: GateConfig,
    horizon_sessions: int,
) -> pd.DataFrame:
    """Return backtest.evidence: metric, value, low, high, n, first_date, last_date, note.

    `equity` is the book's backtest.equity; `books` are those of the stack and of every base
    learner, `champion` that of the champion; `blocks` come from `trials` (sweeps.trials).
    """
    proofs = [
        *_search(trials, blocks, gate, horizon_sessions),
        _track_record(equity, config, gate),
        _against("spa_p_index", books, _index(equity), config, gate),
        _against("spa_p_champion", books, _returns(champion), config, gate),
        *_size(equity, carried, config, gate),
    ]
    frame = pd.DataFrame(
        [(*proof[:4], *proof.period, proof.low, proof.high) for proof in proofs],
        columns=["metric", "value", "n", "note", "first_date", "last_date", "low", "high"],
    )
    for name in ("first_date", "last_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[ns]")
    return frame[["metric", "value", "low", "high", "n", "first_date", "last_date", "note"]]


def _search(
    trials: pd.DataFrame,
    blocks: list[TrialReturns],
    gate: GateConfig,
    horizon: int,
) -> list[Proof]:
    """Return how much was tried, how different the tries were, and whether the choice held."""
    n_complete = int((trials["state"] == "complete").sum())
    counted = [
        Proof("n_trials", float(len(trials)), len(trials), "every trial of every block"),
        Proof("n_trials_complete", float(n_complete), len(trials), "neither pruned nor failed"),
    ]
    final = next((b for b in blocks if b.block == FINAL_BLOCK), None)
    n_periods = 0 if final is None else final.periods.size
    n_groups = groups_for(n_periods)
    if final is None or n_periods < gate.min_horizons or n_groups < FEWEST_GROUPS:
        told = f"not assessable: {n_periods} horizons of returns shared by two trials"
        names = ("n_trials_effective", "trial_sharpe_sd", "pbo")
        return counted + [Proof(name, MISSING, n_periods, told) for name in names]
    ends = np.array([final.periods[0], final.periods[-1] + horizon - 1], dtype="int64")
    first_date, last_date = session_dates(ends)
    period = first_date, last_date
    k, per_year = final.values.shape[1], (SESSIONS_PER_YEAR / horizon) ** 0.5

    def spread(values: Floats) -> float:
        only = [TrialReturns(FINAL_BLOCK, np.arange(len(values), dtype="float64"), values)]
        return float(sharpe_variance(only, 2) ** 0.5 * per_year)

    def shown(
        name: str, figure: Callable[[Floats], float], note: str, limits: tuple[float, float]
    ) -> Proof:
        value = figure(final.values)
        half = gate.interval_sd * jackknife_sd(final.values, figure, n_groups)
        low, high = np.clip([value - half, value + half], *limits)
        note = f"{note}; {k} complete trials of the final search, {n_periods} horizons"
        return Proof(name, value, n_periods, note, period, float(low), float(high))

    n = len(trials)
    return [
        *counted,
        shown(
            "n_trials_effective",
            lambda values: effective_trials(values, n),
            f"independent trials that {n} of their mean correlation are worth",
            (1.0, float(n)),
        ),
        shown("trial_sharpe_sd", spread, "per year, between trials, before costs", (0.0, np.inf)),
        shown(
            "pbo",
            lambda values: overfit_probability(values, max(groups_for(len(values)), FEWEST_GROUPS)),
            "chance that the best trial in one half of time is below the median in the other",
            (0.0, 1.0),
        ),
    ]


def _track_record(equity: pd.DataFrame, config: BacktestConfig, gate: GateConfig) -> Proof:
    """Return how many sessions such a Sharpe needs to be above zero."""
    name, returns = "min_track_record_sessions", equity["return_frac"].to_numpy("float64")[1:]
    n, period = returns.size, _period(equity)
    if n < gate.min_horizons * config.hold_sessions:
        return Proof(name, MISSING, n, _too_few(n, config, gate), period)
    needed = min_track_record(returns, TRACK_CONFIDENCE)
    if not np.isfinite(needed):
        told = "not assessable: the Sharpe is not above zero, or the book never moved"
        return Proof(name, MISSING, n, told, period)
    # Of its logarithm, as the sessions needed have no upper end.
    half = gate.interval_sd * jackknife_sd(
        returns, lambda kept: float(np.log(min_track_record(kept, TRACK_CONFIDENCE)))
    )
    note = f"until the Sharpe is above zero with {TRACK_CONFIDENCE:.0%} confidence; {n} are at hand"
    ends = (needed * np.exp(-half), needed * np.exp(half)) if np.isfinite(half) else (MISSING,) * 2
    return Proof(name, needed, n, note, period, float(ends[0]), float(ends[1]))


def _against(
    name: str,
    books: Mapping[str, pd.DataFrame],
    benchmark: "pd.Series[float] | None",
    config: BacktestConfig,
    gate: GateConfig,
) -> Proof:
    """Return the p-value of no book being better than the benchmark."""
    if benchmark is None:
        return Proof(name, MISSING, 0, "not assessable: no champion is in service")
    columns = {book: _returns(curve) for book, curve in sorted(books.items()) if len(curve)}
    told = {book: returns for book, returns in columns.items() if returns is not None}
    joined = pd.DataFrame(told).join(benchmark.rename("benchmark"), how="inner").dropna()
    n = len(joined)
    if n < gate.min_horizons * config.hold_sessions:
        return Proof(name, MISSING, n, _too_few(n, config, gate))
    differences = joined.drop(columns="benchmark").sub(joined["benchmark"], axis=0)
    test = superior_ability(
        differences.to_numpy("float64"), 2 * config.hold_sessions, gate.bootstrap_samples, gate.seed
    )
    period = pd.Timestamp(joined.index[0]), pd.Timestamp(joined.index[-1])
    if np.isnan(test.p):
        return Proof(name, MISSING, n, "not assessable: every book equals it", period)
    note = (
        f"chance of such a lead if none of {len(told)} books ({', '.join(told)}) were better; "
        "ends are Hansen's bounds"
    )
    return Proof(name, test.p, n, note, period, test.lower, test.upper)


def _size(
    equity: pd.DataFrame, carried: Capacity, config: BacktestConfig, gate: GateConfig
) -> list[Proof]:
    """Return how dear trading and how large the book may become."""
    period, n = _period(equity), max(len(equity) - 1, 0)
    even = break_even_multiple(equity, config)
    half = MISSING
    if n >= gate.min_horizons * config.hold_sessions:
        frame = equity.iloc[1:][["cost_usd", "return_frac"]].to_numpy("float64")

        def multiple(rows: Floats) -> float:
            return float(rows[:, 1].sum() / rows[:, 0].sum() * config.capital_usd + 1)

        half = gate.interval_sd * jackknife_sd(frame, multiple) if even == even else MISSING
    shares = carried.shares_of_volume
    spread = MISSING
    if shares.size >= gate.min_horizons * config.hold_sessions:
        spread = gate.interval_sd * jackknife_sd(shares, lambda s: capital_at_limit(s, config))
    room = carried.capital_usd
    why = "not assessable: no entry's volume is known"
    note = (
        f"capital at which one entry in 20 meets {config.max_volume_frac:.0%} of its bar's volume"
    )
    return [
        Proof(
            "break_even_cost_multiple",
            even,
            n,
            "times all costs at which nothing is left"
            if even == even
            else "not assessable: nothing was paid",
            period,
            even - half,
            even + half,
        ),
        Proof(
            "capacity_usd",
            room,
            shares.size,
            note if room == room else why,
            period,
            max(room - spread, 0.0) if spread == spread else MISSING,
            room + spread,
        ),
    ]


def _returns(curve: pd.DataFrame | None) -> "pd.Series[float] | None":
    """Return a book's returns by date, without its quiet first session."""
    if curve is None:
        return None
    return curve.set_index("session_date")["return_frac"].iloc[1:].astype("float64")


def _index(equity: pd.DataFrame) -> "pd.Series[float]":
    return equity.set_index("session_date")["index_return_frac"].iloc[1:].astype("float64")


def _period(equity: pd.DataFrame) -> Dates:
    if len(equity) < 2:
        return None, None
    return equity["session_date"].iloc[1], equity["session_date"].iloc[-1]


def _too_few(n: int, config: BacktestConfig, gate: GateConfig) -> str:
    n_held = n / config.hold_sessions
    return f"not assessable: {n_held:.1f} of {gate.min_horizons} independent holding periods"
