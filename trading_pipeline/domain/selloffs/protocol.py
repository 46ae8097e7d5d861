"""The protocol of the model of falls: the newest sessions with falls are its hold-out.

An outcome ends in its own session, so all rungs of a symbol's session lie on one side of every
edge and a row trains for a block only if its whole session lies before it. Nothing after a block
trains for it: looking back, a feature (the volume curve, 20 sessions) meets training sessions
and never an outcome that was not known. So the embargo is none.
"""

import hashlib
import json

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import SplitsConfig
from trading_pipeline.contracts.selloffs_config import SelloffModelConfig, SelloffsConfig
from trading_pipeline.domain.ensemble.training import Panel
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol, renewal_due, with_id

Rows = NDArray[np.intp]

EMBARGO_SESSIONS = 0
# Fewer falls, or falls of one kind, teach nothing.
MIN_TRAINING_EVENTS = 50
# A block of fewer sessions is a coin.
MIN_BLOCK_SESSIONS = 2


def falls_universe(config: SelloffsConfig, source_id: str) -> str:
    """Return what a protocol of falls is good for; other settings or data need another."""
    model = config.model
    parts = [source_id, config.rungs, config.trade.verdict_delay_minutes]
    parts += [model.n_folds, model.holdout_frac]
    text = hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()
    return f"selloffs-{text[:12]}"


def why_not(panel: Panel, config: SelloffsConfig) -> str:
    """Return in words why no model of these falls can be fitted; empty where one can."""
    n, n_sessions = len(panel.rows), panel.rows["session"].nunique()
    wanted = least_sessions(config)
    if n == 0:
        return "no closed outcome of a clean fall: no minute bars in the span"
    if n < 2 * MIN_TRAINING_EVENTS or n_sessions < wanted:
        return (
            f"{n} closed outcomes in {n_sessions} sessions; a model is fitted from"
            f" {2 * MIN_TRAINING_EVENTS} in {wanted} on"
        )
    if panel.rows["label"].nunique() < 2:
        return f"all {n} closed outcomes are alike: there is nothing to tell apart"
    return ""


def least_sessions(config: SelloffsConfig) -> int:
    """Return from how many sessions with falls on there is a protocol."""
    blocks = MIN_BLOCK_SESSIONS * (config.model.n_folds + 1)
    return int(np.ceil(blocks / (1 - config.model.holdout_frac))) + 1


def make_fall_protocol(rows: pd.DataFrame, config: SelloffsConfig, universe_id: str) -> Protocol:
    """Fix the edges from the sessions that have falls.

    The newest `holdout_frac` of them are the hold-out; those before it are tiled into
    `n_folds` + 1 stretches of equal number: the first one only trains, the others are predicted
    by what came before. Raises ValueError where they are too few (see `why_not`).
    """
    dates = pd.DatetimeIndex(rows["session_date"].unique()).sort_values()
    if len(dates) < least_sessions(config):
        raise ValueError(f"{len(dates)} sessions with falls make no protocol")
    n_holdout = round(config.model.holdout_frac * len(dates))
    before, held = dates[: len(dates) - n_holdout], dates[len(dates) - n_holdout :]
    blocks = np.array_split(np.arange(len(before)), config.model.n_folds + 1)
    return with_id(
        Protocol(
            protocol_id="",
            universe_id=universe_id,
            holdout_start=held[0].date(),
            holdout_end=held[-1].date(),
            train_start=before[0].date(),
            block_starts=tuple(before[block[0]].date() for block in blocks),
            scheme="walk_forward",
            embargo_sessions=EMBARGO_SESSIONS,
        )
    )


def training_places(panel: Panel, protocol: Protocol, block: int) -> Rows:
    """Return the rows whose session, and so their outcome, ended before a block begins."""
    return np.flatnonzero(panel.rows["end_session"].to_numpy() < protocol.opens[block])


def tested_places(panel: Panel, protocol: Protocol, block: int) -> Rows:
    """Return the rows of a block; of the hold-out those until its last session."""
    session = panel.rows["session"].to_numpy()
    opens = protocol.opens
    inside = session >= opens[block]
    if block == FINAL_BLOCK:
        last = panel.rows["session_date"].to_numpy() <= np.datetime64(protocol.holdout_end)
        return np.flatnonzero(inside & last)
    return np.flatnonzero(inside & (session < opens.get(block + 1, opens[FINAL_BLOCK])))


def study_size(panel: Panel, protocol: Protocol) -> int:
    """Return how many closed falls training span and hold-out have; later ones are not judged."""
    last = np.datetime64(protocol.holdout_end)
    return int((panel.rows["session_date"].to_numpy() <= last).sum())


def is_assessable(n_study: int, rows: pd.DataFrame, config: SelloffModelConfig) -> bool:
    """Tell whether the study has enough falls, and the rows judged enough sessions.

    `n_study` counts the closed falls of training span and hold-out together; what few of them the
    hold-out holds, its intervals say.
    """
    return n_study >= config.min_events and rows["session"].nunique() >= config.min_sessions


def fall_protocol_due(
    protocol: Protocol, panel: Panel, config: SelloffsConfig, splits: SplitsConfig
) -> bool:
    """Tell whether the edges move: by the daily protocol's rule, or where they judge nothing yet.

    A hold-out too small to be assessable moves on as falls come in; one that can be judged stays
    where it is until it is renewed.
    """
    rows = panel.rows
    last = rows["session_date"].max().date()
    held = rows.iloc[tested_places(panel, protocol, FINAL_BLOCK)]
    if last > protocol.holdout_end and not is_assessable(
        study_size(panel, protocol), held, config.model
    ):
        return True
    return held.empty or renewal_due(protocol, last, splits)
