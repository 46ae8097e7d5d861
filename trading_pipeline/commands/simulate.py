"""Write a simulated market as a market folder, and the oracle's scores beside it."""

from pathlib import Path

import numpy as np
from rich.console import Console

from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.sessions import session_ordinals
from trading_pipeline.domain.simulation.made import made_market
from trading_pipeline.domain.simulation.shift import plant_shift

SHIFT_VOLATILITY_FACTOR = 2.5


def oracle_path(folder: Path) -> Path:
    """Return where the truth stands: beside the folder, never in it."""
    return folder.with_name(f"{folder.name}.oracle.parquet")


def write_simulation(
    console: Console,
    out: Path,
    config: SimulationConfig,
    extra_sessions: int = 0,
    shift_sessions: int = 0,
    *,
    volatility_factor: float = SHIFT_VOLATILITY_FACTOR,
    replace_existing: bool = False,
) -> None:
    """Make the market and write it whole or not at all. Raises InputError."""
    out = out.expanduser().resolve()
    if out.exists() and not replace_existing:
        raise InputError(f"{out} exists; give another folder or remove it")
    if shift_sessions and config.signal == "falls":
        raise InputError("a shift would move falls off their rungs; leave out --shift-sessions")
    market = made_market(config, extra_sessions)
    if shift_sessions:
        sessions = np.unique(session_ordinals(market.vix["ts"]))
        market = plant_shift(market, int(sessions[-shift_sessions]), volatility_factor)
    write_market_folder(out, market_tables(market), market.toml, replace=replace_existing)
    market.oracle.to_parquet(oracle_path(out), index=False)
    console.print(
        f"{out}: {market.daily['symbol'].nunique()} symbols, {len(market.daily):,} daily and "
        f"{len(market.minute):,} minute bars, signal {config.signal}"
        + (f", oracle AUC {market.oracle_auc:.3f}" if config.signal != "none" else "")
        + f"; oracle scores: {oracle_path(out)}",
        highlight=False,
    )
