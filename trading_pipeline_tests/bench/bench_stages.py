"""Rows per CPU second of cleaning, labels, folds, drift and backtest on a simulated market."""

import numpy as np
import pandas as pd

from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.domain.backtest.equity import build_equity
from trading_pipeline.domain.backtest.trades import build_trades
from trading_pipeline.domain.bars.clean import clean_daily
from trading_pipeline.domain.bars.universe import build_universe, daily_spans
from trading_pipeline.domain.drift.score import score_drift
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.splits.folds import fold_table
from trading_pipeline.domain.splits.protocol import make_protocol
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds

N_DRIFT_FEATURES = 40


def stages_measured(path, config):
    """Return one line per stage; the market folder at `path` is read outside the clock."""
    folder = MarketFolder.open(path)
    raw, actions = folder.read_daily(), folder.read_corporate_actions()
    (bars, _), cleaning = cpu_seconds(lambda: clean_daily(raw, actions, config.bars))
    universe = build_universe(
        daily_spans(bars), folder.kinds(None), folder.index_symbol, folder.read_universe()
    )
    labels, labelling = cpu_seconds(
        lambda: label_direction(bars, universe, config.labels, config.labels.min_symbols)
    )
    sessions = pd.DatetimeIndex(labels["session_date"].unique()).sort_values()

    def split():
        return fold_table(labels, make_protocol(sessions, labels, config.splits, "bench"))

    folds, folding = cpu_seconds(split)
    rows, columns = drift_rows(labels)
    cut = int(rows["session"].quantile(0.8))
    before, after = rows[rows["session"] <= cut], rows[rows["session"] > cut]
    _, drifting = cpu_seconds(lambda: score_drift(before, after, columns, config.drift, "bench"))
    predictions = random_predictions(labels, config.splits.holdout_sessions)
    index_bars = bars[bars["symbol"] == folder.index_symbol]

    def trade():
        trades = build_trades(predictions, bars, universe, config.backtest)
        return build_equity(trades, bars, index_bars, config.backtest)

    _, trading = cpu_seconds(trade)
    return [
        Measured("bars", "cleaning of raw daily rows", len(raw), cleaning),
        Measured("labels", "labels and uniqueness", len(labels), labelling),
        Measured(
            "splits", f"{config.splits.n_folds} folds (rows of the fold table)", len(folds), folding
        ),
        Measured("drift", f"{N_DRIFT_FEATURES} features and their thresholds", len(rows), drifting),
        Measured("backtest", "trades and equity (predictions)", len(predictions), trading),
    ]


def drift_rows(labels):
    """Return rows of made features, and their names."""
    columns = [f"made_{number:02d}" for number in range(N_DRIFT_FEATURES)]
    values = np.random.default_rng(7).normal(size=(len(labels), N_DRIFT_FEATURES))
    made = pd.DataFrame(values, columns=columns, index=labels.index)
    return pd.concat([labels[["symbol", "session_date", "session"]], made], axis=1), columns


def random_predictions(labels, n_sessions):
    """Return a probability for every symbol of the last sessions."""
    last = labels[labels["session"] > labels["session"].max() - n_sessions]
    rows = last[["symbol", "session_date", "session"]]
    return rows.assign(probability=np.random.default_rng(7).uniform(size=len(rows)))
