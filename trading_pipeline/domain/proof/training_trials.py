"""Trials of a training path: a test block must leave no trace in what is fitted for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trading_pipeline.domain.ensemble.training import KEYS
from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import Progress
from trading_pipeline.domain.proof.training_market import TrainingMarket
from trading_pipeline.domain.proof.training_path import (
    BlockOutcome,
    TrainingInputs,
    TrainingProcedure,
)
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK


@dataclass(frozen=True)
class Trial:
    """One thing done to what lies in a test block and after it."""

    name: str
    said: str
    disturb: Callable[[TrainingMarket, TrainingInputs, int], TrainingInputs]


def _flip_labels(_: TrainingMarket, inputs: TrainingInputs, opens: int) -> TrainingInputs:
    rows = inputs.rows
    hidden = rows["session"] >= opens
    return replace(inputs, rows=rows.assign(label=rows["label"].mask(hidden, 1 - rows["label"])))


def _garble_features(_: TrainingMarket, inputs: TrainingInputs, opens: int) -> TrainingInputs:
    """Every other symbol's features in the block become noise; the rest of the block stays."""
    rows = inputs.rows
    names = sorted(rows["symbol"].unique())[::2]
    hidden = (rows["session"] >= opens) & rows["symbol"].isin(names)
    rng = np.random.default_rng(opens)
    columns = [name for name in rows.columns if name not in KEYS]
    noise = rng.standard_normal((len(rows), len(columns)))
    noisy = {
        name: np.where(hidden, 3 * rows[name].std() * noise[:, place], rows[name])
        for place, name in enumerate(columns)
    }
    return replace(inputs, rows=rows.assign(**noisy))


def _garble_prices(market: TrainingMarket, _: TrainingInputs, opens: int) -> TrainingInputs:
    bars = market.bars
    hidden = (bars["session"] >= opens).to_numpy()
    rng = np.random.default_rng(opens + 1)
    noise = np.where(hidden, np.exp(0.5 * rng.standard_normal(len(bars))), 1.0)
    return market.inputs(bars.assign(open=bars["open"] * noise, close=bars["close"] * noise))


TRIALS = (
    Trial("labels", "labels in it and after it are flipped", _flip_labels),
    Trial("features", "features of other rows in it are replaced by noise", _garble_features),
    Trial("prices", "prices in it and after it are replaced by noise", _garble_prices),
)


def training_findings(
    market: TrainingMarket,
    procedure: TrainingProcedure,
    *,
    trials: Iterable[Trial] = TRIALS,
    is_enough: bool = False,
    on_step: Progress = lambda: None,
) -> list[Finding]:
    """Return what in a training path depends on a block it is judged by, each thing once.

    Every trial disturbs one test block and all that comes after it; what was fitted for it and
    before it, and the scores of rows left alone, must keep every bit. `is_enough` ends with the
    first disturbance that shows anything; `on_step` is told after each run of the path.
    """
    inputs = market.inputs()
    base = {outcome.block: outcome for outcome in procedure(inputs)}
    on_step()
    dates = inputs.rows.drop_duplicates("session").set_index("session")["session_date"]
    findings: dict[str, Finding] = {}
    for trial in trials:
        for block in base:
            if is_enough and findings:
                break
            opens = base[block].opens
            disturbed = trial.disturb(market, inputs, opens)
            other = {outcome.block: outcome for outcome in procedure(disturbed)}
            on_step()
            for what, judged in _changes(base, other, opens, _touched(inputs, disturbed)):
                findings.setdefault(
                    what,
                    Finding(
                        subject=what,
                        test=trial.name,
                        how=f"{what} of {_called(judged)} depends on the block it is judged by: it "
                        f"changes when {trial.said}, from {dates[opens]:%Y-%m-%d} on",
                        first_date=pd.Timestamp(dates[opens]),
                    ),
                )
    return list(findings.values())


def _called(block: int) -> str:
    return "the judged model" if block == FINAL_BLOCK else f"block {block}"


def _touched(inputs: TrainingInputs, disturbed: TrainingInputs) -> pd.DataFrame:
    """Return symbol and session of rows whose features were disturbed."""
    columns = [name for name in inputs.rows.columns if name not in KEYS]
    one, other = (f.rows[columns].to_numpy("float64") for f in (inputs, disturbed))
    changed = ~((one == other) | (np.isnan(one) & np.isnan(other))).all(axis=1)
    return inputs.rows.loc[changed, ["symbol", "session"]]


def _changes(
    base: Mapping[int, BlockOutcome],
    other: Mapping[int, BlockOutcome],
    opens: int,
    touched: pd.DataFrame,
) -> Iterable[tuple[str, int]]:
    """Yield (what changed, block) of fits that end at or before `opens`, and of their scores."""
    for block, outcome in base.items():
        if outcome.opens > opens:
            continue
        now = other[block]
        for name in sorted(set(outcome.fitted) | set(now.fitted)):
            if outcome.fitted.get(name) != now.fitted.get(name):
                yield f"`{name}`", block
        if not _equal(outcome.values, now.values, touched):
            yield "the score", block
    for block, outcome in base.items():
        ends = min(outcome.closes, base[FINAL_BLOCK].opens)
        if not outcome.opens <= opens or block == FINAL_BLOCK:
            continue
        mine, theirs = (
            o.learned_from[o.learned_from["session"].between(outcome.opens, ends - 1)]
            for o in (outcome, other[block])
        )
        if not _equal(mine, theirs, touched):
            yield "the second level's input", block


def _equal(one: pd.DataFrame, other: pd.DataFrame, touched: pd.DataFrame) -> bool:
    """Tell whether both hold the same rows and values, apart from the rows touched."""
    kept = []
    for frame in (one, other):
        marked = frame.merge(touched.assign(is_touched=True), how="left")
        kept.append(frame[marked["is_touched"].isna().to_numpy()].reset_index(drop=True))
    return kept[0].equals(kept[1])
