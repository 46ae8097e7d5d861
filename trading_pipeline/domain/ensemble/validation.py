"""Five validation sets before the hold-out, one a regime, and what a model is worth on each.

Low, normal and high volatility are the out-of-fold rows of the rolling window. Crash and recovery
are too rare there: each such event of the archive is left out of a fit, with every label that
touches it or its quiet period, and then predicted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import GateConfig
from trading_pipeline.domain.ensemble.metrics import (
    Floats,
    accuracy,
    expected_calibration_error,
    logistic_line,
    logit,
    sigmoid,
)
from trading_pipeline.domain.ensemble.scores import (
    Interval,
    SessionBootstrap,
    holdout_bootstrap,
    score_rows,
)
from trading_pipeline.domain.ensemble.stack import MetaKind, fit_meta
from trading_pipeline.domain.splits.purged import is_clean
from trading_pipeline.domain.splits.training import TrainingRows

Rows = NDArray[np.intp]

WINDOW, ARCHIVE = "window", "archive"
SOURCE_OF_SET = {
    "crash": ARCHIVE,
    "recovery": ARCHIVE,
    "high_volatility": WINDOW,
    "normal": WINDOW,
    "low_volatility": WINDOW,
}
# Bins of equal mass: of the calibration error, and of the scores whose slope is drawn again.
N_ECE_BINS = 10
N_SLOPE_BINS = 50
SCORED = ["symbol", "session", "label", "excess_return_frac", "regime", "event"]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutEvent:
    """A rare event left out: its rows in the panel, and the ordinals its labels span.

    ``block`` is the test block it begins in; a search for that block has seen nothing of it. It
    is None where the event begins before the first such search.
    """

    event: str
    regime: str
    rows: Rows
    opens: int
    closes: int
    block: int | None


def held_out_events(
    panel: pd.DataFrame, archive: pd.DataFrame, opens: Mapping[int, int], before_session: int
) -> list[HeldOutEvent]:
    """Return the crash and recovery events that ended before a session, by date.

    Of each the rows whose label was known by then.

    Args:
        panel: Labelled rows: symbol, session, start_session, end_session.
        archive: memory.archive: event, event_regime, symbol, session.
        opens: First session of each block that was searched for.
        before_session: Ordinal that no label span may reach: the hold-out's first session.
    """
    rare = archive[archive["event_regime"].map(SOURCE_OF_SET.get) == ARCHIVE]
    joined = panel[["symbol", "session"]].merge(rare, on=["symbol", "session"], how="left")
    is_known = (panel["end_session"] < before_session).to_numpy()
    held = []
    for (event, regime), archived in rare.groupby(["event", "event_regime"]):
        rows = np.flatnonzero((joined["event"] == event).to_numpy() & is_known)
        # As for training: only an event that ended before the cut.
        if not rows.size or archived["session"].max() >= before_session:
            continue
        first = int(panel["session"].to_numpy()[rows].min())
        block = max((b for b, start in opens.items() if start <= first), default=None)
        span = panel.iloc[rows]
        ends = int(span["start_session"].min()), int(span["end_session"].max())
        held.append(HeldOutEvent(str(event), str(regime), rows, *ends, block))
    return sorted(held, key=lambda one: one.opens)


def without_event(
    candidates: TrainingRows, panel: pd.DataFrame, held: HeldOutEvent, embargo: int
) -> TrainingRows:
    """Return the candidates whose label span is clear of the event and its quiet period."""
    spans = panel.iloc[candidates.rows]
    clean = is_clean(
        spans["start_session"].to_numpy(np.int64),
        spans["end_session"].to_numpy(np.int64),
        held.opens,
        held.closes,
        embargo,
    )
    # The rows themselves too: a decision inside the event is the event's, whatever its span.
    clean &= ~np.isin(candidates.rows, held.rows)
    return TrainingRows(candidates.rows[clean], candidates.event[clean])


def stacked_event(
    base: pd.DataFrame,
    regime: NDArray[np.object_],
    oof: pd.DataFrame,
    held: HeldOutEvent,
    *,
    kind: MetaKind,
    seed: int,
) -> tuple[Floats, bool]:
    """Return the stack's probability of each row of an event, and whether it could be fitted.

    ``base`` has one column a learner; ``oof`` is wide (see `wide_oof`). The second level sees
    out-of-fold rows of earlier blocks alone, whose fits cannot know the event. Without such rows
    it is what it starts from: the mean log odds of the learners.
    """
    earlier = oof["end_session"].to_numpy() < held.opens
    if held.block is not None:
        earlier &= oof["block"].to_numpy() < held.block
    label = oof["label"].to_numpy()[earlier]
    if np.unique(label).size < 2 or not set(base.columns) <= set(oof.columns):
        return sigmoid(logit(base.to_numpy()).mean(axis=1)), False
    meta = fit_meta(oof[earlier], label, learners=tuple(base.columns), kind=kind, seed=seed)
    return meta.predict(base, regime), True


def window_predictions(oof: pd.DataFrame, panel: pd.DataFrame, first_session: int) -> pd.DataFrame:
    """Return out-of-fold rows of the rolling window in the regimes it validates.

    ``oof`` is ensemble.oof, ``panel`` knows excess_return_frac and regime of each row.
    """
    recent = oof[oof["session"] >= first_session]
    known = panel[["symbol", "session", "excess_return_frac", "regime"]]
    rows = recent.merge(known, on=["symbol", "session"], how="inner", validate="many_to_one")
    rows = rows[rows["regime"].map(SOURCE_OF_SET.get) == WINDOW]
    rows = rows.rename(columns={"oof_probability": "probability"}).assign(event="")
    return rows[[*SCORED, "learner", "probability"]]


def score_validation(
    predictions: pd.DataFrame, learners: Sequence[str], horizon: int, config: GateConfig
) -> pd.DataFrame:
    """Score each learner on each of the five sets, with n and block-bootstrap intervals.

    ``predictions``: one row per learner, symbol and session with `SCORED` and probability. Gives
    the columns of ensemble.validation without ``protocol_id``; a set without rows, or with too
    few independent horizons, is there and marked as not assessable.
    """
    order = ["learner", "session", "symbol"]
    ordered = predictions.sort_values(order, kind="stable", ignore_index=True)
    source = ordered["regime"].map(SOURCE_OF_SET)
    bootstraps = {
        name: holdout_bootstrap(ordered[source == name], horizon, config)
        for name in (WINDOW, ARCHIVE)
    }
    scores = []
    for learner in sorted(learners):
        for regime, name in SOURCE_OF_SET.items():
            rows = ordered[(ordered["learner"] == learner) & (ordered["regime"] == regime)]
            events = rows.groupby("event")["session"].min().sort_values().index
            whole = score_rows(learner, regime, rows, horizon, config, bootstraps[name])
            scores.append(
                {
                    **whole,
                    "source": name,
                    "events": ", ".join(event for event in events if event),
                    **_with_ends("accuracy", accuracy_interval(rows, bootstraps[name])),
                    **_with_ends("ece", ece_interval(rows, bootstraps[name])),
                    **_with_ends("calibration_slope", slope_interval(rows, bootstraps[name])),
                }
            )
    return pd.DataFrame(scores)


def accuracy_interval(rows: pd.DataFrame, bootstrap: SessionBootstrap) -> Interval:
    """Share of rows on the right side of 0.5, pooled, with its interval."""
    p, y = _scored(rows)
    hit = ((p > 0.5) == (y > 0)).astype(np.float64)
    drawn = bootstrap.sums(rows["session"], np.column_stack([hit, np.ones_like(hit)]))
    return bootstrap.around(accuracy(p, y), _share(drawn[:, 0], drawn[:, 1]))


def ece_interval(rows: pd.DataFrame, bootstrap: SessionBootstrap) -> Interval:
    """Calibration error with its interval; the bins are those of the whole set."""
    p, y = _scored(rows)
    gaps = (p - y)[:, None] * (_equal_bins(p, N_ECE_BINS)[:, None] == np.arange(N_ECE_BINS))
    drawn = bootstrap.sums(rows["session"], np.column_stack([gaps, np.ones_like(p)]))
    samples = _share(np.abs(drawn[:, :-1]).sum(axis=1), drawn[:, -1])
    found = bootstrap.around(expected_calibration_error(p, y, N_ECE_BINS), samples)
    return Interval(found.value, 0.0 if found.low < 0 else found.low, found.high)


def slope_interval(rows: pd.DataFrame, bootstrap: SessionBootstrap) -> Interval:
    """Logistic slope of the label on the log odds, with its interval.

    A resample is fitted on counts of 50 bins of equal mass, each at its mean log odds.
    """
    p, y = _scored(rows)
    x, bins = logit(p), _equal_bins(p, N_SLOPE_BINS)
    size = np.bincount(bins, minlength=N_SLOPE_BINS)
    centre = np.bincount(bins, weights=x, minlength=N_SLOPE_BINS) / np.maximum(size, 1)
    cell = bins + N_SLOPE_BINS * (y > 0)
    counts = (cell[:, None] == np.arange(2 * N_SLOPE_BINS)).astype(np.float64)
    at, label = np.tile(centre, 2), np.repeat([0.0, 1.0], N_SLOPE_BINS)
    drawn = bootstrap.sums(rows["session"], counts)
    samples = np.array([_slope(at[n > 0], label[n > 0], n[n > 0]) for n in drawn])
    return bootstrap.around(logistic_line(x, y)[1], samples)


def _slope(x: Floats, y: Floats, weight: Floats) -> float:
    return logistic_line(x, y, weight)[1]


def _scored(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return rows["probability"].to_numpy(np.float64), rows["label"].to_numpy(np.float64)


def _equal_bins(p: Floats, n_bins: int) -> NDArray[np.intp]:
    """Bin of equal mass of each probability; equal ones share a bin."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(p) - 0.5) * n_bins / max(p.size, 1), dtype=np.intp)


def _share(part: Floats, whole: Floats) -> Floats:
    out = np.full(part.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _with_ends(name: str, found: Interval) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
