"""Scores with intervals that know labels overlap: a bootstrap over blocks of sessions.

Rows of one session share its market and labels of neighbouring sessions share their span, so
rows are not independent: whole blocks of sessions are drawn again, two horizons long.
Source: Künsch (1989) and Politis and Romano (1992), circular blocks.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.contracts.vocabulary import REGIMES, UNKNOWN_REGIME
from trading_pipeline.domain.ensemble.metrics import (
    Floats,
    accuracy,
    auc,
    expected_calibration_error,
    logistic_line,
    logit,
    session_rank_ic,
)

ALL_REGIMES = "all"
N_SCORE_BINS = 500
HORIZONS_PER_BLOCK = 2


@dataclass(frozen=True, slots=True)
class Interval:
    """A pooled estimate with its interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """AUC of one learner less the other's, on the same rows and the same resamples."""

    interval: Interval
    n_rows: int
    n_sessions: int


@dataclass(frozen=True, slots=True)
class SessionBootstrap:
    """How often each session is drawn in each resample.

    ``sessions`` of shape (n_sessions,) ascending, ``draws`` of shape (n_samples, n_sessions).
    No resample at all where fewer than two blocks fit: an interval could not be told.
    """

    sessions: NDArray[np.int64]
    draws: Floats
    interval_sd: float

    @classmethod
    def build(
        cls, session: ArrayLike, horizon: int, *, n_samples: int, interval_sd: float, seed: int
    ) -> "SessionBootstrap":
        """Draw circular blocks of two horizons from the distinct sessions of ``session``."""
        length = HORIZONS_PER_BLOCK * horizon
        return cls.of_blocks(
            session, length, n_samples=n_samples, interval_sd=interval_sd, seed=seed
        )

    @classmethod
    def of_blocks(
        cls, session: ArrayLike, length: int, *, n_samples: int, interval_sd: float, seed: int
    ) -> "SessionBootstrap":
        """Draw circular blocks of ``length`` sessions, for outcomes that end within a session."""
        sessions = np.unique(np.asarray(session, dtype=np.int64))
        n = sessions.size
        if n < 2 * length:
            return cls(sessions, np.zeros((0, n)), interval_sd)
        rng = np.random.default_rng(seed)
        starts = rng.integers(0, n, size=(n_samples, -(-n // length)))
        drawn = (starts[:, :, None] + np.arange(length)).reshape(n_samples, -1)[:, :n] % n
        flat = drawn + np.arange(n_samples)[:, None] * n
        draws = np.bincount(flat.ravel(), minlength=n_samples * n).reshape(n_samples, n)
        return cls(sessions, draws.astype(np.float64), interval_sd)

    def codes(self, session: ArrayLike) -> NDArray[np.intp]:
        """Place of each row's session among the drawn sessions."""
        return np.searchsorted(self.sessions, np.asarray(session, dtype=np.int64))

    def auc_samples(self, probability: ArrayLike, label: ArrayLike, session: ArrayLike) -> Floats:
        """Pooled AUC of every resample, shape (n_samples,); NaN where one class was not drawn.

        Scores are cut into 500 bins of equal mass and counted per session, so a resample is a
        weighted sum of counts; a pair inside one bin counts half.
        """
        from scipy.stats import rankdata

        p, y = np.asarray(probability, dtype=np.float64), np.asarray(label) > 0
        if self.draws.shape[0] == 0 or y.size == 0:
            return np.empty(0)
        n_bins = min(N_SCORE_BINS, y.size)
        bins = ((rankdata(p) - 0.5) * n_bins / y.size).astype(np.intp)
        cell = self.codes(session) * n_bins + bins
        shape = (self.sessions.size, n_bins)
        up, down = (
            np.bincount(cell[side], minlength=shape[0] * n_bins).reshape(shape).astype(np.float64)
            for side in (y, ~y)
        )
        # Sums of whole numbers: exact, whatever the order or the threads of the product.
        ups, downs = self.draws @ up, self.draws @ down
        below = np.cumsum(downs, axis=1) - downs / 2.0
        pairs = ups.sum(axis=1) * downs.sum(axis=1)
        won = (ups * below).sum(axis=1)
        return ratio(won, pairs)

    def sums(self, session: ArrayLike, values: Floats) -> Floats:
        """Sum of each column of ``values`` (n, k) in every resample, shape (n_samples, k)."""
        from threadpoolctl import threadpool_limits

        code = self.codes(session)
        order = np.argsort(code, kind="stable")
        held, first = np.unique(code[order], return_index=True)
        if self.draws.shape[0] == 0 or held.size == 0:
            return np.empty((0, values.shape[1]))
        by_session = np.add.reduceat(values[order], first, axis=0)
        # Threads of the linear algebra would change the last bits of a sum.
        with threadpool_limits(limits=1):
            return np.asarray(self.draws[:, held] @ by_session, dtype=np.float64)

    def mean_samples(self, session: ArrayLike, value: Floats) -> Floats:
        """Mean of one value per session in every resample; missing values are left out."""
        if self.draws.shape[0] == 0 or value.size == 0:
            return np.empty(0)
        known = np.isfinite(value)
        drawn = self.draws[:, self.codes(session)[known]]
        n = drawn.sum(axis=1)
        total = (drawn * value[known]).sum(axis=1)
        return ratio(total, n)

    def around(self, value: float, samples: Floats) -> Interval:
        """The estimate ± ``interval_sd`` bootstrap standard deviations.

        Without an end where under half of the resamples could be scored.
        """
        known = samples[np.isfinite(samples)]
        if not np.isfinite(value) or known.size < max(2, samples.size / 2):
            return Interval(value, float("nan"), float("nan"))
        half = self.interval_sd * float(known.std(ddof=1))
        return Interval(value, value - half, value + half)


def auc_interval(
    probability: ArrayLike, label: ArrayLike, session: ArrayLike, bootstrap: SessionBootstrap
) -> Interval:
    """Pooled AUC, exact by ranks, with its interval."""
    samples = bootstrap.auc_samples(probability, label, session)
    return bootstrap.around(auc(probability, label), samples)


def rank_ic_interval(
    probability: ArrayLike, outcome: ArrayLike, session: ArrayLike, bootstrap: SessionBootstrap
) -> Interval:
    """Mean per-session Spearman correlation with its interval."""
    sessions, ic = session_rank_ic(probability, outcome, session)
    value = float(np.nanmean(ic)) if np.isfinite(ic).any() else float("nan")
    return bootstrap.around(value, bootstrap.mean_samples(sessions, ic))


def holdout_bootstrap(holdout: pd.DataFrame, horizon: int, config: GateConfig) -> SessionBootstrap:
    """The resamples that every score of one hold-out shares."""
    return SessionBootstrap.build(
        holdout["session"].to_numpy(),
        horizon,
        n_samples=config.bootstrap_samples,
        interval_sd=config.interval_sd,
        seed=config.seed,
    )


def paired_difference(
    holdout: pd.DataFrame,
    learner: str,
    other: str,
    horizon: int,
    config: GateConfig,
) -> PairedDifference:
    """AUC of ``learner`` less AUC of ``other`` over the rows both predicted.

    ``holdout`` is ensemble.holdout, long by learner. Values are NaN where they share no row.
    """
    keys = ["session", "symbol"]
    left = holdout.loc[holdout["learner"] == learner, [*keys, "probability", "label"]]
    right = holdout.loc[holdout["learner"] == other, [*keys, "probability"]]
    both = left.merge(right, on=keys, suffixes=("", "_other")).sort_values(keys)
    session, y = both["session"].to_numpy(), both["label"].to_numpy()
    bootstrap = holdout_bootstrap(both, horizon, config)
    ours, theirs = both["probability"].to_numpy(), both["probability_other"].to_numpy()
    samples = bootstrap.auc_samples(ours, y, session) - bootstrap.auc_samples(theirs, y, session)
    return PairedDifference(
        bootstrap.around(auc(ours, y) - auc(theirs, y), samples),
        len(both),
        int(np.unique(session).size),
    )


def score_holdout(holdout: pd.DataFrame, horizon: int, config: GateConfig) -> pd.DataFrame:
    """Score every learner of a hold-out, over all rows and by regime.

    ``holdout`` is ensemble.holdout: one row per learner, symbol and session with probability,
    label, excess_return_frac and regime. ``horizon`` in sessions. Gives the columns of
    ensemble.scores without ``protocol_id``; a score that is not defined is NaN, and a regime
    with too few independent horizons is marked as not assessable beside its numbers. Every
    learner and regime is scored on the same resamples of the hold-out's sessions.
    """
    rows = holdout.sort_values(["learner", "session", "symbol"], kind="stable")
    bootstrap = holdout_bootstrap(rows, horizon, config)
    scores = []
    for learner, of_learner in rows.groupby("learner", sort=True):
        scores.append(score_rows(str(learner), ALL_REGIMES, of_learner, horizon, config, bootstrap))
        for regime in (*REGIMES, UNKNOWN_REGIME):
            part = of_learner[of_learner["regime"] == regime]
            if len(part):
                scores.append(score_rows(str(learner), regime, part, horizon, config, bootstrap))
    return pd.DataFrame(scores)


def ratio(part: Floats, whole: Floats) -> Floats:
    """Part by whole, NaN where the whole is nothing."""
    out = np.full(part.size, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def score_rows(
    learner: str,
    regime: str,
    rows: pd.DataFrame,
    horizon: int,
    config: GateConfig,
    bootstrap: SessionBootstrap,
) -> dict[str, object]:
    """Scores of one set of rows: probability, label, excess_return_frac and session.

    Gives a row of ensemble.scores without ``protocol_id``; NaN where a score is not defined.
    """
    p, y = rows["probability"].to_numpy(np.float64), rows["label"].to_numpy()
    session = rows["session"].to_numpy()
    n_sessions = int(np.unique(session).size)
    ranking = auc_interval(p, y, session, bootstrap)
    ic = rank_ic_interval(p, rows["excess_return_frac"].to_numpy(), session, bootstrap)
    return {
        "learner": learner,
        "regime": regime,
        "n_rows": len(rows),
        "n_sessions": n_sessions,
        "n_horizons": n_sessions / horizon,
        "is_assessable": n_sessions / horizon >= config.min_horizons,
        "auc": ranking.value,
        "auc_low": ranking.low,
        "auc_high": ranking.high,
        "rank_ic": ic.value,
        "rank_ic_low": ic.low,
        "rank_ic_high": ic.high,
        "accuracy": accuracy(p, y),
        "ece": expected_calibration_error(p, y),
        "calibration_slope": logistic_line(logit(p), y)[1],
    }
