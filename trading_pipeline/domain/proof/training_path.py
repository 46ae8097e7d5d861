"""The training path as a procedure that can be tried: inputs in, what each block left behind out.

The steps are those of `domain/ensemble/path.py`, which the assets run too.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

import pandas as pd

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.ensemble.path import TrainingPath
from trading_pipeline.domain.ensemble.train import Trained, train
from trading_pipeline.domain.ensemble.training import Panel
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, make_protocol
from trading_pipeline.domain.splits.training import holdout_rows


@dataclass(frozen=True)
class TrainingInputs:
    """What training reads: rows with labels and features, and the archive's keys.

    `rows` has the columns KEYS of the panel and one column a feature, hold-out included.
    """

    rows: pd.DataFrame
    archive_keys: pd.DataFrame | None


@dataclass(frozen=True)
class BlockOutcome:
    """What a block's fit left behind.

    `fitted` holds the hash of every fitted thing by its name. `values` are the scores the block
    is judged by: symbol, session, learner, probability. `learned_from` are the first-level
    probabilities the second level was fitted on: symbol, session and one column a learner.
    """

    block: int
    opens: int
    closes: int
    fitted: Mapping[str, str]
    values: pd.DataFrame
    learned_from: pd.DataFrame


TrainingProcedure: TypeAlias = Callable[[TrainingInputs], tuple[BlockOutcome, ...]]


@dataclass(frozen=True, eq=False)
class TriedPath(TrainingPath):
    """The path with the hold-out beside it, so that a planted leak has something to reach for."""

    judged: Panel


def tried_path(
    kind: type[TriedPath],
    inputs: TrainingInputs,
    config: PipelineConfig,
    registry: tuple[Feature, ...],
) -> TriedPath:
    """Fix the protocol, split the rows at the hold-out, and return a kind of path over them."""
    rows = inputs.rows
    dates = pd.DatetimeIndex(rows["session_date"].unique()).sort_values()
    protocol = make_protocol(dates, rows, config.splits, "proof")
    before = (rows["session"] < protocol.holdout_opens).to_numpy()
    usable = rows["label"].notna().to_numpy()
    return kind(
        config=config,
        protocol=protocol,
        panel=Panel.build(rows[before & usable]),
        archive_keys=inputs.archive_keys,
        registry=registry,
        judged=Panel.build(rows[holdout_rows(rows, protocol)]),
    )


def run_path(
    kind: type[TriedPath],
    inputs: TrainingInputs,
    config: PipelineConfig,
    registry: tuple[Feature, ...],
) -> tuple[BlockOutcome, ...]:
    """Run a kind of path over the inputs; return the outcome of every block that is fitted."""
    path = tried_path(kind, inputs, config, registry)
    ticks = count()
    trained = train(path, path.judged, lambda: float(next(ticks)))
    last = int(inputs.rows["session"].max())
    return tuple(_outcome(path, trained, block, last) for block in path.blocks)


def digest(content: bytes) -> str:
    """Return a short hash of a fitted thing."""
    return hashlib.sha256(content).hexdigest()[:16]


def _fitted(trained: Trained, block: int) -> dict[str, str]:
    trials = trained.trials[block].drop(columns="seconds")
    hashes = {
        "chosen features": digest(trained.selected[block].to_json().encode()),
        "search": digest(trials.to_json().encode()),
    }
    for member in trained.members[block]:
        hashes[f"model {member.recipe.learner}"] = digest(member.model.to_bytes()[1])
    if block == FINAL_BLOCK:
        hashes["meta-learner"] = digest(trained.stack.meta.to_bytes())
        hashes["calibration"] = digest(trained.stack.calibrator.to_bytes())
    return hashes


def _outcome(path: TriedPath, trained: Trained, block: int, last_session: int) -> BlockOutcome:
    opens = path.opens[block]
    later = [k for k in path.opens.values() if k > opens]
    keys = ["symbol", "session", "learner"]
    if block == FINAL_BLOCK:
        values = trained.holdout[[*keys, "probability"]]
    else:
        own = trained.oof[trained.oof["block"] == block]
        values = own[keys].assign(probability=own["oof_probability"])
    wide = trained.wide
    learners = [name for name in wide.columns if name in path.config.sweeps.learners]
    return BlockOutcome(
        block=block,
        opens=opens,
        closes=min(later, default=last_session + 1),
        fitted=_fitted(trained, block),
        values=values.sort_values(["learner", "session", "symbol"], ignore_index=True),
        learned_from=wide[["symbol", "session", *learners]]
        .sort_values(["session", "symbol"])
        .reset_index(drop=True),
    )
