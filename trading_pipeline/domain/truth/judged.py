"""One market through the whole training path: labels, protocol, training, hold-out, book, gate."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.summary import summarise
from trading_pipeline.domain.backtest.trades import build_trades
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.domain.ensemble.baselines import PLAIN_LIGHTGBM, VOLATILITY_ONLY, baselines
from trading_pipeline.domain.ensemble.labelled import labelled_rows
from trading_pipeline.domain.ensemble.members import members_to_bytes
from trading_pipeline.domain.ensemble.metrics import auc
from trading_pipeline.domain.ensemble.path import TrainingPath
from trading_pipeline.domain.ensemble.scores import score_holdout
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.ensemble.train import Trained, kept_columns, train
from trading_pipeline.domain.ensemble.training import Panel, judged_rows
from trading_pipeline.domain.features.daily import compute_daily_features
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.features.session_ranks import rankable, ranked_within_session
from trading_pipeline.domain.gate.gathering import Challenger, gathered_evidence
from trading_pipeline.domain.gate.verdict import PROMOTED, decide
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.regimes.broad_index import broad_index
from trading_pipeline.domain.regimes.market import label_regimes
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, make_protocol
from trading_pipeline.domain.splits.training import holdout_rows
from trading_pipeline.domain.sweeps.learners import new_learner
from trading_pipeline.domain.sweeps.spaces import default_candidate

CONTROL_FOLDS, CONTROL_ROUNDS = 3, 300


@dataclass(frozen=True, eq=False)
class DeliveredMarket:
    """A market as its folder gives it: raw bars, context, and the true score where it is known.

    `oracle` has symbol, session_date, oracle_score. `events` holds bars.<name> by name.
    """

    raw: pd.DataFrame
    actions: pd.DataFrame | None
    vix: pd.DataFrame
    sectors: pd.DataFrame
    kinds: pd.DataFrame
    listed: pd.DataFrame | None
    index_symbol: str | None
    events: Mapping[str, pd.DataFrame]
    oracle: pd.DataFrame | None


@dataclass(frozen=True, eq=False)
class PreparedMarket:
    """The tables that training and the book read."""

    bars: pd.DataFrame
    universe: pd.DataFrame
    rows: pd.DataFrame
    archive_keys: pd.DataFrame


def prepared(
    market: DeliveredMarket, config: PipelineConfig, registry: tuple[Feature, ...]
) -> PreparedMarket:
    """Clean the bars, label regimes and rows, and compute features, as the assets do."""
    bars, _ = clean_daily(market.raw, market.actions, config.bars)
    universe = build_universe(daily_spans(bars), market.kinds, market.index_symbol, market.listed)
    regimes = label_regimes(broad_index(bars, universe)[0], market.vix, config.regimes)
    features = compute_daily_features(
        bars,
        universe,
        regimes,
        market.vix,
        market.sectors,
        registry,
        market.events,
        np.float32,
    ).frame()
    if config.features.rank_within_session:
        features = ranked_within_session(features, rankable(registry))
    labels = label_direction(bars, universe, config.labels, config.labels.min_symbols)
    labels = labels[labels["label"].notna()]
    rows, archived = labelled_rows(labels, regimes, features, config.memory)
    return PreparedMarket(bars, universe, rows, archived)


def judge_market(
    market: DeliveredMarket,
    config: PipelineConfig,
    registry: tuple[Feature, ...],
    timer: Callable[[], float],
) -> dict[str, Any]:
    """Train, judge and gate one market; return its figures, None where not assessable.

    auc, auc_low, auc_high of the stack over the hold-out, n_rows, n_sessions, oracle_auc on the
    same rows, volatility_auc, plain_auc (plain LightGBM), verdict, is_promoted and the gate's
    reasons.
    """
    made = prepared(market, config, registry)
    rows = made.rows
    dates = pd.DatetimeIndex(rows["session_date"].unique()).sort_values()
    protocol = make_protocol(dates, rows, config.splits, "truth")
    judged = Panel.build(rows[holdout_rows(rows, protocol)])
    path = TrainingPath(
        config=config,
        protocol=protocol,
        panel=Panel.build(rows[(rows["session"] < protocol.holdout_opens).to_numpy()]),
        archive_keys=made.archive_keys if config.sampling.use_archive else None,
        registry=registry,
    )
    trained = train(path, judged, timer)
    columns = kept_columns(path, trained.selected[FINAL_BLOCK])
    beside = judged_rows(judged, baselines(path, trained.chosen, judged, columns))
    holdout = pd.concat([trained.holdout, beside], ignore_index=True)
    scores = score_holdout(holdout, config.labels.horizon_sessions, config.gate)
    verdict = _verdict(made, path, trained, holdout, scores)
    whole = scores[scores["regime"] == "all"].set_index("learner")
    return {
        **{name: _number(whole[name][STACK]) for name in ("auc", "auc_low", "auc_high")},
        "n_rows": int(whole["n_rows"][STACK]),
        "n_sessions": int(whole["n_sessions"][STACK]),
        "oracle_auc": oracle_auc(market.oracle, judged.rows),
        "volatility_auc": _number(whole["auc"][VOLATILITY_ONLY]),
        "plain_auc": _number(whole["auc"][PLAIN_LIGHTGBM]),
        "verdict": verdict[0],
        "is_promoted": verdict[0] == PROMOTED,
        "reasons": list(verdict[1]),
    }


def control_auc(
    market: DeliveredMarket, config: PipelineConfig, registry: tuple[Feature, ...]
) -> dict[str, Any]:
    """Return the AUC of folds drawn at random over rows, on a market that foretells nothing.

    Neighbours share most of their label, so such folds see their own test: a suite that does not
    show it could show no leak.
    """
    made = prepared(market, config, registry)
    panel = Panel.build(made.rows)
    label = panel.label
    matrix = panel.X.to_numpy(np.float32)
    fold = np.random.default_rng(config.sweeps.seed).integers(0, CONTROL_FOLDS, label.size)
    probability = np.zeros(label.size)
    params = default_candidate("lightgbm", {}).params
    for number in range(CONTROL_FOLDS):
        train_rows, test_rows = fold != number, fold == number
        model = new_learner("lightgbm", params, seed=config.sweeps.seed, threads=1)
        model.fit(
            matrix[train_rows],
            label[train_rows],
            np.ones(int(train_rows.sum()), dtype=np.float32),
            rounds=CONTROL_ROUNDS,
        )
        probability[test_rows] = model.predict(matrix[test_rows])
    return {"auc": _number(auc(probability, label)), "n_rows": int(label.size)}


def oracle_auc(oracle: pd.DataFrame | None, keys: pd.DataFrame) -> float | None:
    """Return the AUC of the true score over the rows it covers; None where it has none."""
    if oracle is None:
        return None
    both = keys.merge(oracle, on=["symbol", "session_date"]).dropna(subset=["oracle_score"])
    if both.empty:
        return None
    return _number(auc(both["oracle_score"], both["label"]))


def _verdict(
    made: PreparedMarket,
    path: TrainingPath,
    trained: Trained,
    holdout: pd.DataFrame,
    scores: pd.DataFrame,
) -> tuple[str, tuple[str, ...]]:
    config, recipe = path.config, trained.recipes[FINAL_BLOCK]
    predictions = holdout.loc[
        holdout["learner"] == STACK, ["symbol", "session_date", "session", "probability"]
    ]
    trades = build_trades(predictions, made.bars, made.universe, config.backtest)
    index = made.universe.loc[made.universe["is_index"], "symbol"]
    index_bars = made.bars[made.bars["symbol"].isin(index)]
    figures = summarise(
        build_equity(trades, made.bars, index_bars, config.backtest),
        trades,
        config.backtest,
        seed=config.gate.seed,
        n_trials=sum(len(trials) for trials in trained.trials.values()),
        bootstrap_samples=config.gate.bootstrap_samples,
        interval_sd=config.gate.interval_sd,
    )
    files = members_to_bytes(recipe, trained.members[FINAL_BLOCK], trained.stack)
    challenger = Challenger(
        model_version="truth",
        recipe_id=recipe.recipe_id,
        protocol_id=path.protocol.protocol_id,
        holdout_reads=1,
        # Speed is the machine's: it must not save the gate from a false promotion.
        latency_ms=0.0,
        model_mb=sum(len(content) for content in files.values()) / 1e6,
    )
    horizon = config.labels.horizon_sessions
    found = decide(
        gathered_evidence(challenger, scores, holdout, figures, horizon, config.gate), config.gate
    )
    return found.verdict, found.reasons


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
