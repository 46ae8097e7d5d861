"""Bars per CPU second of a rule's grid: 1,000 parameter sets on 100,000 bars of one symbol."""

import numpy as np
import pandas as pd

from trading_pipeline.domain.backtest.rule_grid import rule_grid
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds

N_BARS, N_SETS = 100_000, 1_000


def made_bars(n_bars):
    """Return open and close of a random walk."""
    random = np.random.default_rng(7)
    close = 50 * np.exp(np.cumsum(random.normal(0, 0.005, n_bars)))
    return pd.DataFrame({"open": close * np.exp(random.normal(0, 0.002, n_bars)), "close": close})


def made_sets(n_sets):
    """Return parameter sets, each different."""
    number = np.arange(n_sets)
    fast, slow, hold = 2 + number % 10, 20 + 5 * (number // 10 % 10), 1 + number // 100
    return pd.DataFrame({"fast": fast, "slow": slow, "hold": hold})


def rule_grid_measured(config):
    """Return one line; a small grid is kept first, so that compiling is outside the clock."""
    bars, sets = made_bars(N_BARS), made_sets(N_SETS)
    rule_grid(bars.head(50), sets.head(1), config.backtest)
    _, seconds = cpu_seconds(lambda: rule_grid(bars, sets, config.backtest))
    work = f"{N_SETS:,} sets of a rule x {N_BARS:,} bars"
    return [Measured("backtest", work, N_SETS * N_BARS, seconds)]
