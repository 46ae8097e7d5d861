"""Months of falls: which must be computed, which are read back, and the rows they are made of."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd

from trading_pipeline.assets.table_asset import digest
from trading_pipeline.contracts.tables import FrameChunks, TableResult
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.bars.spreads import SESSION_MINUTES
from trading_pipeline.domain.selloffs.context import ContextTables
from trading_pipeline.domain.selloffs.history import SessionGrids, session_grids
from trading_pipeline.resources import StageRun

Compute = Callable[[list[pd.Timestamp]], pd.DataFrame]
# Minutes of all symbols that stand in memory at once, some 64 bytes each.
CHUNK_CELLS = 3_000_000
# Where a write remembers what each of its months rests on.
MONTH_KEYS = "keys of the months"


@dataclass(frozen=True)
class Month:
    """One month of sessions with regular minutes; `symbols` are those that have them."""

    name: str
    days: list[pd.Timestamp]
    symbols: list[str]


def month_name(day: pd.Timestamp) -> str:
    """Return the partition of a session."""
    return f"month={day:%Y-%m}"


def minute_sessions(run: StageRun) -> pd.DataFrame:
    """Return what is left of each session of minutes; read once a run."""
    content = run.hash("bars.minute")
    rows: pd.DataFrame = run.remember(
        "minute sessions", content, lambda: run.query("selloffs/minute_sessions")
    )
    return rows


def months_of(facts: pd.DataFrame) -> list[Month]:
    """Return the months of `minute_sessions`, in order."""
    by_month = facts.groupby(facts["session_date"].dt.to_period("M"), sort=True)
    return [
        Month(
            month_name(rows["session_date"].iloc[0]),
            sorted(rows["session_date"].unique()),
            sorted(rows["symbol"].unique()),
        )
        for _, rows in by_month
    ]


def partition_hashes(run: StageRun, table: str) -> dict[str, str]:
    """Return the content hash of each partition of a lake table."""
    rows = run.read(
        "select partition, content_hash from provenance.partitions where asset = $table",
        table=table,
    )
    return dict(zip(rows["partition"], rows["content_hash"], strict=True))


def context_tables(run: StageRun, facts: pd.DataFrame) -> ContextTables:
    """Return the rows that the context of falls is made of."""
    return ContextTables(
        universe=run.read("select symbol, kind, is_index from bars.universe"),
        daily=run.query("selloffs/daily_bars"),
        vix=run.read("select session_date, close, known_at from bars.vix"),
        sectors=run.read("select symbol, gics_sector from bars.sectors"),
        actions=run.read(
            "select symbol, ex_date, action, ratio, known_at from bars.corporate_actions"
        ),
        minute_sessions=facts,
        quotes=run.query("selloffs/quote_sessions"),
    )


def grids(run: StageRun, days: Sequence[pd.Timestamp], symbols: Sequence[str]) -> SessionGrids:
    """Return the regular minutes from the first to the last of some sessions."""
    span = {"first_date": days[0], "last_date": days[-1]}
    minutes = run.query("selloffs/minutes", symbols=list(symbols), **span)
    return session_grids(minutes, len(symbols))


def written(
    run: StageRun,
    months: Sequence[Month],
    rests_on: Callable[[Month], dict[str, Any]],
    settings: Sequence[str],
    compute: Compute,
    metadata: Mapping[str, Any],
) -> TableResult:
    """Return a table of months: those whose key is that of the last write are read back.

    Args:
        run: The asset's run.
        months: All months, in order.
        rests_on: What a month's rows are computed from, code and settings left out.
        settings: Dotted names of the settings they depend on.
        compute: Gives the rows of some sessions; asked for those of changed months, in order.
        metadata: Shown beside how many months were computed and reused.
    """
    if not months:
        return TableResult(run.table(run.asset).iloc[:0], {"why empty": "no minute bars"})
    versions = {"code": run.code_version, **{name: run.setting(name) for name in settings}}
    keys = {month.name: digest({**versions, **rests_on(month)}) for month in months}
    stored = partition_hashes(run, run.asset)
    before = {} if run.is_forced else _keys_before(run)
    # A month without a row has no partition: it is computed again, which costs no rows.
    reused = {name for name, key in keys.items() if before.get(name) == key and name in stored}
    return TableResult(
        FrameChunks(_frames(run, months, reused, compute)),
        {
            "months computed": len(months) - len(reused),
            "months reused": len(reused),
            **metadata,
            MONTH_KEYS: json.dumps(keys),
        },
    )


def _keys_before(run: StageRun) -> dict[str, str]:
    known = run.warehouse.latest_materialization(run.asset)
    text = json.loads(known.metadata_json).get(MONTH_KEYS) if known else None
    keys: dict[str, str] = json.loads(text) if text else {}
    return keys


def _frames(
    run: StageRun, months: Sequence[Month], reused: set[str], compute: Compute
) -> Iterator[pd.DataFrame]:
    stored = (
        f"select * exclude ({', '.join(PROVENANCE_COLUMNS)}) from {run.asset}"
        " where session_date between $first_date and $last_date"
    )
    n_symbols = len({symbol for month in months for symbol in month.symbols})
    size = max(1, CHUNK_CELLS // (n_symbols * SESSION_MINUTES))
    total, done = sum(len(month.days) for month in months), 0
    for is_reused, listed in groupby(months, key=lambda month: month.name in reused):
        days = [day for month in listed for day in month.days]
        if is_reused:
            yield run.read(stored, first_date=days[0], last_date=days[-1])
            done += len(days)
            run.advance(done, total, "sessions")
            continue
        for begin in range(0, len(days), size):
            part = days[begin : begin + size]
            yield compute(part)
            done += len(part)
            run.advance(done, total, "sessions")
