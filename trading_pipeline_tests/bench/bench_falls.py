"""Falls collected from minute bars: events, features and outcomes per CPU second, and memory.

`python -m trading_pipeline_tests.bench.bench_falls 756` takes three years of 14 symbols alone.
"""

import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import pyarrow.parquet as pq

from trading_pipeline.adapters.market_writer import market_tables, write_market_folder
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.data_config import SimulationConfig
from trading_pipeline.domain.simulation.falls import simulate_falls
from trading_pipeline_tests.bench.measured import Measured
from trading_pipeline_tests.collected import FALLS, before_falls, collect_falls

N_SYMBOLS, N_BEFORE = 14, 254
SESSIONS, ALL_SESSIONS = 126, 756


@dataclass(frozen=True, slots=True)
class Collected:
    """What the collection of all falls of a market cost, in a process of its own."""

    n_minutes: int
    n_events: int
    n_features: int
    n_outcomes: int
    wall_seconds: float
    cpu_seconds: float
    peak_gigabytes: float

    @property
    def events_per_cpu_second(self):
        """Events, each with its features and outcomes, per CPU second."""
        return self.n_events / self.cpu_seconds


def falls_collected(n_sessions, folder):
    """Make a market of so many sessions of minutes in `folder`, and collect its falls."""
    config = SimulationConfig(
        n_symbols=N_SYMBOLS,
        n_sessions=n_sessions + N_BEFORE,
        first_session=date(2015, 1, 2),
        seed=7,
        signal="falls",
        oracle_auc=0.7,
        minute_sessions=n_sessions,
        minute_symbols=N_SYMBOLS,
    )
    home = folder / "home"
    _alone(_made, config, folder / "market", home)
    return _alone(_collected, folder / "market", home)


def _alone(work, *given):
    """Return the result of a call in a new process, so that its memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def _made(config, market, home):
    made = simulate_falls(config)
    write_market_folder(market, market_tables(made), made.toml)
    before_falls(market, home)


def _collected(market, home):
    began, spent = time.perf_counter(), time.process_time()
    collect_falls(home)
    wall, cpu = time.perf_counter() - began, time.process_time() - spent
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    warehouse = Warehouse(home, threads=1)
    counts = [int(warehouse.read(f"select count(*) as n from {t}")["n"].iloc[0]) for t in FALLS]
    n_minutes = pq.read_metadata(market / "minute/bars.parquet").num_rows
    return Collected(n_minutes, *counts, wall, cpu, peak)


def falls_measured(n_sessions=SESSIONS):
    """Return the lines of the collection of falls."""
    with tempfile.TemporaryDirectory(prefix="trading-pipeline-falls-") as name:
        found = falls_collected(n_sessions, Path(name))
    work = (
        f"{found.n_events:,} falls with features and outcomes; peak {found.peak_gigabytes:.2f} GB"
    )
    return [
        Measured("selloffs", f"{work}; minutes", found.n_minutes, found.cpu_seconds),
        Measured("selloffs", "the same, falls", found.n_events, found.cpu_seconds),
    ]


def main(n_sessions):
    """Print what one collection cost."""
    with tempfile.TemporaryDirectory(prefix="trading-pipeline-falls-") as name:
        found = falls_collected(n_sessions, Path(name))
    print(
        f"{found.n_minutes:,} minutes of {N_SYMBOLS} symbols and the index: "
        f"{found.n_events:,} events, {found.n_features:,} with features, "
        f"{found.n_outcomes:,} outcomes in {found.wall_seconds:.1f} s wall, "
        f"{found.cpu_seconds:.1f} CPU s ({found.events_per_cpu_second:,.0f} events per CPU s), "
        f"peak {found.peak_gigabytes:.2f} GB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ALL_SESSIONS)
