"""The figures of the book, each with n, what it rests on, and an interval if it has one."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.costs import SESSIONS_PER_YEAR
from trading_pipeline.domain.backtest.grid import Floats
from trading_pipeline.domain.backtest.overfitting import MOST_GROUPS, jackknife_sd
from trading_pipeline.domain.backtest.sharpe import (
    annual_sharpe,
    deflated_sharpe,
    probabilistic_sharpe,
    sharpe_sd,
)

COST_MULTIPLES = (0, 1, 2)


class Figure(NamedTuple):
    """One row of backtest.summary; NaN where it cannot be told."""

    metric: str
    value: float
    n: int
    note: str
    low: float = float("nan")
    high: float = float("nan")


def summarise(
    equity: pd.DataFrame,
    trades: pd.DataFrame,
    config: BacktestConfig,
    *,
    seed: int,
    n_trials: int,
    bootstrap_samples: int,
    interval_sd: float,
    trial_variance: float = float("nan"),
) -> pd.DataFrame:
    """Return backtest.summary: metric, value, low, high, n, note.

    `equity` and `trades` come from one book; `n_trials` counts every trial of the sweeps and
    `trial_variance` is that of their Sharpe ratios per session, NaN where unknown. The Sharpe's
    interval is ± `interval_sd` standard deviations over circular blocks of two holding
    periods. A book that never traded has missing figures, never zeros.
    """
    returns = equity["return_frac"].to_numpy("float64")[1:]
    index = equity["index_return_frac"].to_numpy("float64")[1:]
    figures = [
        *_profit(returns, trades, config),
        *_risk(returns, config, seed, bootstrap_samples, interval_sd),
        _deflated(returns, n_trials, trial_variance, config, interval_sd),
        *_swings(equity, returns),
        *_activity(equity, trades, returns.size, config),
        *_against_index(returns, index),
    ]
    frame = pd.DataFrame(figures, columns=list(Figure._fields))
    return frame[["metric", "value", "low", "high", "n", "note"]]


def _profit(returns: Floats, trades: pd.DataFrame, config: BacktestConfig) -> list[Figure]:
    """Return what was earned, and what would have been at other costs."""
    n = len(trades)
    gross = _sum(trades["gross_pnl_usd"]) / config.capital_usd
    cost = _sum(trades["cost_usd"]) / config.capital_usd
    total = float(returns.sum()) if n else float("nan")
    return [
        Figure("net_return_frac", total, returns.size, "after costs, over the fixed capital"),
        Figure("gross_return_frac", gross, n, "before costs, over the fixed capital"),
        Figure("cost_frac", cost, n, "spread, slippage, impact, commission, borrow over capital"),
        *(
            Figure(f"net_return_at_{m}x_cost_frac", gross - m * cost, n, f"costs times {m}")
            for m in COST_MULTIPLES
        ),
    ]


def _risk(
    returns: Floats, config: BacktestConfig, seed: int, n_samples: int, interval_sd: float
) -> list[Figure]:
    """Return the Sharpe ratio with its interval, and the chance that it is above zero."""
    n, block = returns.size, 2 * config.hold_sessions
    ratio = annual_sharpe(returns)
    half_width = interval_sd * sharpe_sd(returns, block, n_samples, seed)
    told = "interval missing: fewer than two blocks" if np.isnan(half_width) else "block bootstrap"
    note = f"per year, net; {told} of {block} sessions, ± {interval_sd:g} sd"
    return [
        Figure("sharpe_net", ratio, n, note, ratio - half_width, ratio + half_width),
        Figure("psr", probabilistic_sharpe(returns), n, "chance that the Sharpe is above zero"),
    ]


def _deflated(
    returns: Floats,
    n_trials: int,
    variance: float,
    config: BacktestConfig,
    interval_sd: float,
) -> Figure:
    """Return the chance that the Sharpe beats the luckiest trial, with a jackknife interval."""
    value = deflated_sharpe(returns, n_trials, variance)
    measured = "as they would without skill" if np.isnan(variance) else "as measured"
    note = f"chance that the Sharpe beats the best of {n_trials} trials without skill"
    note += f"; their ratios spread {measured}"
    low = high = float("nan")
    if returns.size >= 2 * config.hold_sessions * MOST_GROUPS:
        half = interval_sd * jackknife_sd(
            returns, lambda kept: deflated_sharpe(kept, n_trials, variance)
        )
        low, high = max(value - half, 0.0), min(value + half, 1.0)
    return Figure("dsr", value, returns.size, note, low, high)


def _swings(equity: pd.DataFrame, returns: Floats) -> list[Figure]:
    """Return how much the book moved and how deep it sank."""
    n = returns.size
    swing = returns.std(ddof=1) * SESSIONS_PER_YEAR**0.5 if n > 1 else float("nan")
    worst = float(equity["drawdown_frac"].min()) if n else float("nan")
    return [
        Figure("volatility_frac", float(swing), n, "standard deviation per year"),
        Figure("max_drawdown_frac", worst, n, "deepest close below the peak"),
    ]


def _activity(
    equity: pd.DataFrame, trades: pd.DataFrame, n_sessions: int, config: BacktestConfig
) -> list[Figure]:
    """Return how much was traded, held and won."""
    n = len(trades)
    traded = _sum(trades["notional_usd"] + (trades["quantity"] * trades["exit_price"]).abs())
    years = n_sessions / SESSIONS_PER_YEAR if n_sessions else float("nan")
    won = float((trades["net_pnl_usd"] > 0).mean()) if n else float("nan")
    held = float(equity["gross_exposure_frac"].mean()) if n else float("nan")
    note = "entries and exits over capital, per year"
    return [
        Figure("turnover_per_year", traded / config.capital_usd / years, n, note),
        Figure("hit_rate", won, n, "trades with a profit after costs; cohorts overlap"),
        Figure("n_trades", float(n), n, _endings(trades)),
        Figure("gross_exposure_frac", held, n_sessions, "mean of absolute exposure over equity"),
    ]


def _against_index(returns: Floats, index: Floats) -> list[Figure]:
    """Return the index's own Sharpe, and the book's alpha and beta against it."""
    known = np.isfinite(index) & np.isfinite(returns)
    n = int(known.sum())
    own, market = returns[known], index[known]
    alpha = beta = float("nan")
    if n > 2 and market.var() > 0:
        beta = float(np.cov(own, market, ddof=1)[0, 1] / market.var(ddof=1))
        alpha = float((own.mean() - beta * market.mean()) * SESSIONS_PER_YEAR)
    note = "on sessions where the index's return is known"
    return [
        Figure("sharpe_index", annual_sharpe(market), n, f"index held, no costs, {note}"),
        Figure("alpha_per_year_frac", alpha, n, f"least squares {note}"),
        Figure("beta", beta, n, f"least squares {note}"),
    ]


def _sum(values: pd.Series) -> float:
    """Return the sum, NaN of nothing."""
    return float(values.sum(min_count=1))


def _endings(trades: pd.DataFrame) -> str:
    """Return how trades ended, in words."""
    counts = trades["exit_reason"].value_counts().sort_index()
    return ", ".join(f"{reason}: {count}" for reason, count in counts.items()) or "no trade"
