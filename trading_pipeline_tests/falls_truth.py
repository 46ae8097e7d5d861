"""The model of falls against what is true of simulated ones, and against the trivial score.

Markets go the program's whole way: files, cleaned bars, events, features, outcomes, then the walk
that fits, calibrates and judges; only the hold-out's falls are compared here.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.selloffs.panel import fall_panel
from trading_pipeline.domain.selloffs.protocol import falls_universe, make_fall_protocol
from trading_pipeline.domain.selloffs.training import FallTraining
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.collected import FALLS, collected
from trading_pipeline_tests.domain.falls_market import falls_market

KEYS = ["symbol", "session_date", "rung"]
SCORES = ("probability", "trivial_probability", "oracle_score")
BLOCK_SESSIONS, SAMPLES, INTERVAL_SD = 5, 300, 2.57
LEAST_SPREAD = 1e-6  # of the chance; less is one chance for all


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its interval over blocks of sessions."""

    value: float
    low: float
    high: float

    def __str__(self):
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, slots=True)
class FallsTruth:
    """AUC of each score on hold-outs, averaged over markets, and the share that was recovered.

    `over_trivial` is the model's AUC less the trivial score's; `recovered` the model's excess over
    0.5 as a share of the oracle's, missing where nothing is planted.
    """

    n_markets: int
    n_events: int
    n_sessions: int
    model: Figure
    trivial: Figure
    oracle: Figure | None
    over_trivial: Figure
    recovered: Figure | None


def holdout_of(folder, n_symbols, n_minutes, oracle_auc, seed, **model):
    """Return the hold-out's falls of one market with the scores and the oracle's chance.

    `model` are settings of `selloffs.model` other than the default ones.
    """
    market = falls_market(n_minutes, oracle_auc, seed, n_symbols, n_before=254)
    source = write_market_folder(folder / "market", market_tables(market), market.toml)
    config = load_settings(environment={}, flags={"selloffs": {"model": model}})
    warehouse = collected(source, folder / "home", FALLS, runtime={"threads": 1})
    own = f"exclude ({', '.join(PROVENANCE_COLUMNS)})"
    tables = [warehouse.read(f"select * {own} from {table}") for table in FALLS]
    return judged(*tables, market.oracle, config)


def judged(events, features, outcomes, oracle, config):
    """Return the hold-out of these falls as the walk scored it, beside the oracle's chance."""
    nobody = pd.DataFrame({"session_date": pd.DatetimeIndex([]), "regime": []})
    falls = config.selloffs
    delay = falls.trade.verdict_delay_minutes
    panel = fall_panel(events, features, outcomes, nobody, delay)
    protocol = make_fall_protocol(panel.rows, falls, falls_universe(falls, "simulated"))
    training = FallTraining(panel, protocol, falls, config.sampling.replay, config.runtime)
    scores = training.walk().scores
    held = scores[scores["is_holdout"]]
    told = held.merge(oracle[[*KEYS, "oracle_score", "is_reversed"]], on=KEYS, how="left")
    # What the program calls a reversal is what was planted.
    assert (told["label"].astype(bool) == told["is_reversed"]).all()
    return told


def truth_of(holdouts):
    """Return the figures over the hold-outs of several markets, resampled by blocks of sessions."""
    # First what is, then the draws.
    model, trivial, oracle = np.mean([_aucs(held) for held in holdouts], axis=0).T
    is_planted = all(held["oracle_score"].std() > LEAST_SPREAD for held in holdouts)
    return FallsTruth(
        n_markets=len(holdouts),
        n_events=sum(map(len, holdouts)),
        n_sessions=sum(held["session"].nunique() for held in holdouts),
        model=_figure(model),
        trivial=_figure(trivial),
        oracle=_figure(oracle) if is_planted else None,
        over_trivial=_figure(model - trivial),
        recovered=_figure((model - 0.5) / (oracle - 0.5)) if is_planted else None,
    )


def _figure(values):
    value, spread = float(values[0]), float(np.std(values[1:]))
    return Figure(value, value - INTERVAL_SD * spread, value + INTERVAL_SD * spread)


def _aucs(held):
    """Return the AUC of each score, (1 + samples, 3): of all rows, then of draws of blocks."""
    rng = np.random.default_rng(7)
    _, place = np.unique(held["session"].to_numpy(), return_inverse=True)
    block = place // BLOCK_SESSIONS
    rows = [np.flatnonzero(block == b) for b in range(block.max() + 1)]
    draws = [rng.integers(0, len(rows), len(rows)) for _ in range(SAMPLES)]
    drawn = [np.concatenate([rows[b] for b in blocks]) for blocks in draws]
    is_up = held["label"].to_numpy() == 1
    scores = held[list(SCORES)].to_numpy()
    return np.array([_auc(is_up[own], scores[own]) for own in [np.arange(len(held)), *drawn]])


def _auc(is_up, scores):
    n_up, n_down = is_up.sum(), (~is_up).sum()
    ranks = rankdata(scores, axis=0)[is_up].sum(axis=0)
    return (ranks - n_up * (n_up + 1) / 2) / (n_up * n_down)
