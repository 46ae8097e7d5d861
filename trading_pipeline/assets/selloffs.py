"""Selloffs stage: intraday falls past a rung, what was known of them, what followed.

bars.minute, bars.universe  ->  selloffs.events
with daily bars, VIX, sectors, splits, quotes  ->  selloffs.features  ->  selloffs.outcomes

Each is written month by month. A month whose minutes and context are those of the last write is
not computed again: its rows are read back.
"""

from typing import Any

import numpy as np
import pandas as pd

from trading_pipeline.assets.selloff_months import (
    Month,
    context_tables,
    grids,
    minute_sessions,
    month_name,
    months_of,
    partition_hashes,
    written,
)
from trading_pipeline.assets.table_asset import table_asset
from trading_pipeline.contracts.tables import TableResult
from trading_pipeline.domain.bars.sessions import session_ordinals
from trading_pipeline.domain.bars.spreads import shape_by_minute
from trading_pipeline.domain.selloffs.context import ContextBook
from trading_pipeline.domain.selloffs.history import HistoryScan, find_events
from trading_pipeline.domain.selloffs.missing import missing_context
from trading_pipeline.domain.selloffs.outcomes import trade_outcomes
from trading_pipeline.domain.selloffs.session_scan import FEATURE_COLUMNS
from trading_pipeline.resources import StageRun

EVENT_SETTINGS = tuple(
    f"selloffs.{name}" for name in ("rungs", "late_open_minutes", "halt_minutes", "lone_tick_frac")
)
FEATURE_SETTINGS = (
    *EVENT_SETTINGS,
    "selloffs.volume_curve_sessions",
    *(f"selloffs.trade.{name}_share" for name in ("stop_rung", "target")),
    "selloffs.trade.stop_below_low_frac",
    "bars.spreads",
)
OUTCOME_SETTINGS = ("selloffs.trade", "bars.spreads")


@table_asset(
    "selloffs.events",
    reads=("bars.minute", "bars.universe"),
    settings=EVENT_SETTINGS,
    kinds=("numba", "parquet"),
)
def events(run: StageRun) -> TableResult:
    """First regular minute whose low reaches each rung below the session's open, per symbol."""
    months = months_of(minute_sessions(run))
    symbols = sorted({symbol for month in months for symbol in month.symbols})
    universe = run.read("select symbol, kind, is_index from bars.universe order by symbol")
    is_equity = universe.set_index("symbol")["kind"].reindex(symbols).eq("equity").to_numpy(bool)
    minutes = partition_hashes(run, "bars.minute")

    def rests_on(month: Month) -> dict[str, Any]:
        kinds = universe[universe["symbol"].isin(month.symbols)]
        return {"minutes": minutes.get(month.name), "kinds": kinds.to_csv(index=False)}

    def compute(days: list[pd.Timestamp]) -> pd.DataFrame:
        found = grids(run, days, symbols)
        return find_events(found, np.array(symbols, dtype=object), is_equity, run.config.selloffs)

    rungs = ", ".join(f"{rung:.0%}" for rung in run.config.selloffs.rungs)
    return written(run, months, rests_on, EVENT_SETTINGS, compute, {"rungs": rungs})


@table_asset(
    "selloffs.features",
    reads=(
        "selloffs.events",
        "bars.minute",
        "bars.universe",
        "bars.daily",
        "bars.vix",
        "bars.sectors",
        "bars.corporate_actions",
        "bars.quotes",
    ),
    settings=FEATURE_SETTINGS,
    kinds=("numba", "parquet"),
)
def features(run: StageRun) -> TableResult:
    """What was known of each fall at the close of its bar: one row per event."""
    config = run.config.selloffs
    facts = minute_sessions(run)
    months = months_of(facts)
    symbols = sorted({symbol for month in months for symbol in month.symbols})
    book = ContextBook(context_tables(run, facts), symbols, config, run.config.bars.spreads)
    days = [day for month in months for day in month.days]
    ordinals = session_ordinals(pd.DatetimeIndex(days))
    levels = book.levels(ordinals)
    minutes = partition_hashes(run, "bars.minute")
    place = {day: i for i, day in enumerate(days)}

    def own(listed: list[pd.Timestamp]) -> slice:
        return slice(place[listed[0]], place[listed[-1]] + 1)

    def before(listed: list[pd.Timestamp]) -> list[pd.Timestamp]:
        first = place[listed[0]]
        oldest = ordinals[first] - config.volume_curve_sessions
        return [day for day, n in zip(days[:first], ordinals[:first], strict=True) if n >= oldest]

    def rests_on(month: Month) -> dict[str, Any]:
        earlier = before(month.days)
        read = sorted({month.name, *map(month_name, earlier)})
        mine = own(month.days)
        return {
            "minutes": [minutes.get(name) for name in read],
            "before": [str(day) for day in earlier],
            "context": book.digest_of(ordinals[mine], month.symbols, levels[mine]),
        }

    # The newest scan and the last session it saw: the next sessions go on from there.
    newest: list[tuple[pd.Timestamp, HistoryScan]] = []

    def compute(listed: list[pd.Timestamp]) -> pd.DataFrame:
        earlier = before(listed)
        if earlier and newest and newest[-1][0] == earlier[-1]:
            scan = newest.pop()[1]
        else:
            seed = grids(run, earlier, symbols) if earlier else None
            scan = HistoryScan(book, config, seed)
        newest[:] = [(listed[-1], scan)]
        return scan.scan(grids(run, listed, symbols), levels[own(listed)])[list(FEATURE_COLUMNS)]

    falls = run.read("select symbol, session_date, rung, detected_at from selloffs.events")
    known = {
        **missing_context(falls, facts, book, ordinals, levels),
        "plot": run.plot("selloffs", "selloffs by rung and hour", selloffs=falls),
    }
    return written(run, months, rests_on, FEATURE_SETTINGS, compute, known)


@table_asset(
    "selloffs.outcomes",
    reads=("selloffs.events", "selloffs.features", "bars.minute", "bars.quotes"),
    settings=OUTCOME_SETTINGS,
    kinds=("numba", "parquet"),
)
def outcomes(run: StageRun) -> TableResult:
    """What followed each fall under the trade rule, for every entry delay; gross and net."""
    months = months_of(minute_sessions(run))
    symbols = np.array(
        sorted({symbol for month in months for symbol in month.symbols}), dtype=object
    )
    newest = int(session_ordinals(pd.DatetimeIndex([months[-1].days[-1]]))[0]) if months else -1
    tables = ("bars.minute", "bars.quotes", "selloffs.events", "selloffs.features")
    hashes = {table: partition_hashes(run, table) for table in tables}
    shape = shape_by_minute(run.config.bars.spreads)

    def rests_on(month: Month) -> dict[str, Any]:
        parts = {table: hashes[table].get(month.name) for table in tables}
        # Its last session may be complete only because a later one is there.
        return {**parts, "is_newest": month.name == months[-1].name}

    def compute(days: list[pd.Timestamp]) -> pd.DataFrame:
        span = {"first_date": days[0], "last_date": days[-1]}
        falls = run.query("selloffs/falls", **span)
        bars = run.query("selloffs/event_minutes", symbols=list(symbols), **span)
        return trade_outcomes(falls, bars, symbols, shape, newest, run.config.selloffs.trade)

    delays = ", ".join(f"{delay} min" for delay in run.config.selloffs.trade.delays_minutes)
    return written(run, months, rests_on, OUTCOME_SETTINGS, compute, {"entry delays": delays})
