"""Seconds to write the archive of a market: every rare event, 70 symbols, the whole registry."""

import time
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.sql_files import read_sql
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.memory.catalogue import rare_event_table
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.bench.measured import Measured, cpu_seconds

N_SYMBOLS = 70
FIRST_DATE, LAST_DATE = "2008-01-02", "2023-12-29"
MADE = Provenance("bench", "", "", "", "", 0.0, "{}")


def archive_measured():
    """Return the line of the archive: the asset's own query and writer, wall seconds beside."""
    config = load_settings(environment={})
    names = [feature.name for feature in feature_registry(config.features)]
    days = session_table()
    days = days[days["session_date"].between(FIRST_DATE, LAST_DATE)].reset_index(drop=True)
    events = rare_event_table(config.memory, keys_of(days))
    query = read_sql("queries/memory/archive")
    with TemporaryDirectory(prefix="trading-pipeline-bench-") as home:
        warehouse = Warehouse(home, threads=2)
        warehouse.migrate()
        lake = Lake(warehouse)
        lake.write_chunks("features.daily", feature_chunks(days, names), MADE)
        for table, frame in (
            ("memory.rare_events", events),
            ("labels.direction", labels_of(days)),
            ("regimes.market", regimes_of(days)),
        ):
            warehouse.replace(table, frame, MADE)
        began = time.perf_counter()
        written, spent = cpu_seconds(lambda: lake.write_from_sql("memory.archive", query, {}, MADE))
        wall = time.perf_counter() - began
    work = f"archive of {N_SYMBOLS} symbols x {len(names)} features, {wall:.1f} s by the clock"
    return [Measured("memory", work, written.n_rows, spent)]


def keys_of(days):
    """Return one row of every symbol and session, by symbol."""
    symbols = pd.DataFrame({"symbol": [f"S{number:02d}" for number in range(N_SYMBOLS)]})
    return symbols.merge(days[["session_date", "session"]], how="cross")


def labels_of(days):
    """Return labels.direction of random outcomes."""
    keys = keys_of(days)
    up = np.random.default_rng(7).integers(0, 2, len(keys))
    return keys.assign(
        start_session=keys["session"] + 1,
        end_session=keys["session"] + 20,
        end_date=keys["session_date"] + pd.Timedelta(days=28),
        forward_return_frac=0.0,
        median_return_frac=0.0,
        excess_return_frac=0.0,
        n_symbols=N_SYMBOLS,
        label=up,
        is_closed=True,
        uniqueness=0.1,
        known_at=at_new_york(keys["session_date"], DECISION_TIME),
    )


def regimes_of(days):
    """Return regimes.market of a calm market."""
    return days[["session_date", "session"]].assign(
        regime="normal",
        reason="made",
        index_close=100.0,
        vix_close=18.0,
        vix_source="vix",
        drawdown_frac=0.0,
        is_price_crash=False,
        known_at=at_new_york(days["session_date"], DECISION_TIME),
    )


def feature_chunks(days, names):
    """Yield features.daily of noise, a year at a time."""
    random = np.random.default_rng(7)
    for _, year in days.groupby(days["session_date"].dt.year):
        keys = keys_of(year).sort_values(["session", "symbol"], ignore_index=True)
        values = random.standard_normal((len(keys), len(names)), dtype=np.float32)
        known = pd.DataFrame({"known_at": at_new_york(keys["session_date"], DECISION_TIME)})
        yield pd.concat([keys, known, pd.DataFrame(values, columns=names)], axis=1)
