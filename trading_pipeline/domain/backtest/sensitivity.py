"""The book at other costs: what is left of return and Sharpe as everything gets dearer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trading_pipeline.contracts.config import BacktestConfig
from trading_pipeline.domain.backtest.sharpe import annual_sharpe, sharpe_sd

SENSITIVITY_COLUMNS = (
    "cost_multiple",
    "cost_bps",
    "cost_frac",
    "net_return_frac",
    "sharpe_net",
    "sharpe_low",
    "sharpe_high",
    "n_sessions",
    "first_date",
    "last_date",
)


def cost_sensitivity(
    equity: pd.DataFrame,
    trades: pd.DataFrame,
    config: BacktestConfig,
    *,
    multiples: Sequence[float],
    seed: int,
    bootstrap_samples: int,
    interval_sd: float,
) -> pd.DataFrame:
    """Return backtest.sensitivity: one row per multiple of all costs, rising.

    `equity` and `trades` come from one book. No fill depends on a cost, so each session's net
    return is its gross one less the multiple of its costs: exact, and linear in the multiple.
    `cost_bps` are costs over all that was bought and sold. The Sharpe and its interval are missing
    where the book is too short for them. A book that never traded has no row.
    """
    if trades.empty:
        kinds = dict.fromkeys(SENSITIVITY_COLUMNS, "float64") | {
            "n_sessions": "int64",
            "first_date": "datetime64[ns]",
            "last_date": "datetime64[ns]",
        }
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    traded = trades["notional_usd"] + (trades["quantity"] * trades["exit_price"]).abs()
    later = equity.iloc[1:]
    cost = later["cost_usd"].to_numpy("float64") / config.capital_usd
    gross = later["return_frac"].to_numpy("float64") + cost
    bps = float(trades["cost_usd"].sum() / traded.sum()) * 1e4
    rows = []
    for multiple in sorted(set(multiples)):
        returns = gross - multiple * cost
        ratio = annual_sharpe(returns)
        half = interval_sd * sharpe_sd(returns, 2 * config.hold_sessions, bootstrap_samples, seed)
        rows.append(
            {
                "cost_multiple": float(multiple),
                "cost_bps": multiple * bps,
                "cost_frac": multiple * float(cost.sum()),
                "net_return_frac": float(returns.sum()),
                "sharpe_net": ratio,
                "sharpe_low": ratio - half,
                "sharpe_high": ratio + half,
                "n_sessions": returns.size,
                "first_date": later["session_date"].iloc[0],
                "last_date": later["session_date"].iloc[-1],
            }
        )
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def break_even_multiple(equity: pd.DataFrame, config: BacktestConfig) -> float:
    """Return the multiple of all costs at which nothing is left; NaN where nothing was paid."""
    cost = float(equity["cost_usd"].sum()) / config.capital_usd
    if not cost > 0:
        return float("nan")
    return float(np.nansum(equity["return_frac"].iloc[1:])) / cost + 1
