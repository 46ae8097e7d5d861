"""The rows a model trains on: rolling window and archive, balanced and weighted by regime."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import SamplingConfig
from trading_pipeline.contracts.data_config import MemoryConfig
from trading_pipeline.domain.memory.replay import replay_factors, replayed_rows
from trading_pipeline.domain.memory.sampling import balanced_sample, regime_weights
from trading_pipeline.domain.splits.training import TrainingRows

Rows = NDArray[np.intp]

# Columns of the panel that are not features.
KEYS = (
    "symbol",
    "session_date",
    "session",
    "start_session",
    "end_session",
    "label",
    "is_closed",
    "excess_return_frac",
    "uniqueness",
    "regime",
    "event_regime",
)


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Labelled rows in order of symbol and session, and their features.

    ``rows`` has the columns ``KEYS``; ``X`` holds one float32 column a feature on the same
    index, NaN as missing.
    """

    rows: pd.DataFrame
    X: pd.DataFrame

    @classmethod
    def build(cls, frame: pd.DataFrame) -> "Panel":
        """Split a frame into keys and features; any row order gives the same panel."""
        ordered = frame.sort_values(["symbol", "session"], ignore_index=True)
        features = sorted(set(ordered.columns) - set(KEYS))
        return cls(ordered[list(KEYS)], ordered[features].astype(np.float32))

    @property
    def label(self) -> NDArray[np.int8]:
        """Labels of all rows, 0 or 1."""
        return self.rows["label"].to_numpy(np.int8)

    def matrix(self, rows: Rows, columns: Sequence[str]) -> NDArray[np.float32]:
        """Return named features of some rows, shape (n_rows, n_columns)."""
        return self.X[list(columns)].to_numpy(np.float32)[rows]

    def between(self, first_session: int, before_session: int) -> Rows:
        """Return the rows of decisions from a session on, whose span ends before another."""
        session, end = self.rows["session"].to_numpy(), self.rows["end_session"].to_numpy()
        return np.flatnonzero((session >= first_session) & (end < before_session))


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Rows of a panel to fit on: repeats are oversampled rows, left-out ones undersampled."""

    rows: Rows
    weights: NDArray[np.float64]
    notes: tuple[str, ...]


def training_set(
    panel: Panel,
    candidates: TrainingRows,
    sampling: SamplingConfig,
    memory: MemoryConfig,
    seed: int,
    replay: pd.DataFrame | None = None,
) -> TrainingSet:
    """Balance candidate rows to the target mix and weigh them by regime and uniqueness.

    A row that only the archive brings counts as its event's regime, any other as the
    point-in-time regime of its session. `replay` names the errors that return, the worst first
    (symbol, session), resolved before the fit's cut: each is a candidate once, is drawn before
    others of its regime and weighs more. The mix of regimes stays as it is.
    """
    replayed: Rows = np.empty(0, dtype=np.intp)
    if replay is not None:
        n_max = int(sampling.replay.max_share * candidates.rows.size)
        replayed = replayed_rows(panel.rows, replay, n_max)
        candidates = joined(candidates, replayed)
    rows = candidates.rows
    chosen = panel.rows.iloc[rows]
    is_archived = np.array([name is not None for name in candidates.event], dtype=bool)
    regime = np.where(
        is_archived, chosen["event_regime"].to_numpy(object), chosen["regime"].to_numpy(object)
    )
    weights = regime_weights(regime, chosen["uniqueness"].to_numpy(np.float64), sampling)
    drawn: Rows = np.arange(rows.size)
    notes: tuple[str, ...] = ()
    if sampling.balance:
        sample = balanced_sample(
            regime,
            sampling,
            n_target=rows.size,
            seed=seed,
            archive_event=candidates.event,
            event_weights={event.event: event.weight for event in memory.catalogue},
            is_first=np.isin(rows, replayed) if replayed.size else None,
        )
        drawn, notes = sample.rows, sample.notes
    if replayed.size:
        factors = replay_factors(rows[drawn], replayed, sampling.replay)
        n_raised = int((factors > 1).sum())
        notes = (*notes, f"{n_raised} of {drawn.size} draws are replayed errors")
        return TrainingSet(rows[drawn], weights[drawn] * factors, notes)
    return TrainingSet(rows[drawn], weights[drawn], notes)


def joined(candidates: TrainingRows, more: Rows) -> TrainingRows:
    """Return the candidates with further rows of the panel, each once, in the panel's order."""
    added = np.setdiff1d(more, candidates.rows)
    rows = np.append(candidates.rows, added)
    event = np.append(candidates.event, np.full(added.size, None, dtype=object))
    order = np.argsort(rows, kind="stable")
    return TrainingRows(rows[order], event[order])


def thinned(panel: Panel, candidates: TrainingRows, every_nth_session: int) -> TrainingRows:
    """Keep every n-th session of each symbol, offset by symbol so that all sessions are seen."""
    chosen = panel.rows.iloc[candidates.rows]
    offset = np.unique(chosen["symbol"].to_numpy(str), return_inverse=True)[1]
    kept = (chosen["session"].to_numpy() + offset) % every_nth_session == 0
    return TrainingRows(candidates.rows[kept], candidates.event[kept])


def judged_rows(judged: Panel, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ensemble.holdout of predictions, one column a learner, without `protocol_id`."""
    columns = ["symbol", "session_date", "session", "label", "excess_return_frac", "regime"]
    keys = judged.rows[columns]
    parts = [keys.assign(learner=str(name), probability=predictions[name]) for name in predictions]
    return pd.concat(parts, ignore_index=True)
