"""Scans of the past over the stored falls, and the ledger of every scan in the terminal."""

import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import all_assets
from trading_pipeline.assets.table_asset import staleness_rules
from trading_pipeline.automation.scan_ledger import record_scans
from trading_pipeline.automation.scan_universe import condition_history, scan_universe
from trading_pipeline.commands.summary import plain, write_json
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.scans.history import ScanResult, scan_id_of, scan_row
from trading_pipeline.reports.renderer import ReportRenderer
from trading_pipeline.resources import VendorAccess, open_home, read_query, watched_run
from trading_pipeline.settings import vendor_keys

WAIT_SECONDS = 30.0
# Sessions written at once: what an interrupted scan may have to do again.
BATCH = 50
FALLS = "selloffs.events"


def scan_past(
    console: Console,
    home: Path,
    config: PipelineConfig,
    first: date | None,
    last: date | None,
    json_path: Path | None = None,
) -> pd.DataFrame:
    """Scan the stored falls of past sessions, one row of scans.history each; return those rows.

    Each session's symbols are filtered by what was known at its open. Sessions that were scanned
    before with these settings and this model are not scanned again, so an interrupted scan goes
    on where it stopped. A session whose minute bars are not complete waits.

    Raises:
        InputError: The falls were never collected or rest on other bars, settings or code than
            there are now; no complete session in the span; a sector or industry nobody has.
    """
    warehouse = open_home(home, WAIT_SECONDS)
    check_falls(warehouse, config)
    sessions = complete_sessions(warehouse, first, last)
    model = warehouse.read("select max(model_version) as v from selloffs.model")["v"].iloc[0]
    version = None if pd.isna(model) else str(model)
    sessions["scan_id"] = [
        scan_id_of("historical", day, closes_at, config.scan, config.selloffs, version)
        for day, closes_at in zip(sessions["session_date"], sessions["closes_at"], strict=True)
    ]
    done = warehouse.read("select scan_id from scans.history")["scan_id"]
    to_do = sessions[~sessions["scan_id"].isin(done)]
    batch: list[dict[str, Any]] = []
    for row in track(
        _scans(warehouse, config, to_do, version),
        "scanning sessions",
        total=len(to_do),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ):
        batch.append(row)
        if len(batch) == BATCH:
            record_scans(warehouse, batch)
            batch = []
    record_scans(warehouse, batch)
    found = warehouse.read(
        "select * from scans.history where scan_id in (select unnest($ids))"
        " order by session_date, scan_id",
        {"ids": sessions["scan_id"].tolist()},
    )
    console.print(
        f"{len(sessions):,} sessions, {len(to_do):,} of them scanned now:"
        f" {found['n_events'].sum():,} falls, {found['n_signals'].sum():,} signals,"
        f" {found['total_seconds'].sum():.1f} s",
        highlight=False,
    )
    if json_path:
        write_json({"scans": _records(found)}, json_path)
    return found


def check_falls(warehouse: Warehouse, config: PipelineConfig) -> None:
    """Raise InputError where the stored falls are not those of the bars, settings and code.

    A session whose bars came in after the falls were collected would be told to have none.
    """
    known = warehouse.latest_materialization(FALLS)
    if known is None:
        raise InputError(
            f"home {warehouse.home} holds no falls yet; run `trading-pipeline ingest` on a source"
            " with minute bars first"
        )
    all_assets()
    run = watched_run(warehouse, config, ReportRenderer(), VendorAccess(vendor_keys))
    if staleness_rules()[FALLS].versions(run)[1] != known.inputs_version:
        raise InputError(
            f"the falls of {warehouse.home} were collected from other bars, settings or code; run"
            " `trading-pipeline ingest` with these settings first"
        )


def complete_sessions(warehouse: Warehouse, first: date | None, last: date | None) -> pd.DataFrame:
    """Return session_date and closes_at of the sessions whose minute bars are complete.

    A session is complete where its last regular minute is there, or a later session has bars.

    Raises InputError where the span has none.
    """
    if first and last and last < first:
        raise InputError(f"--to {last} lies before --from {first}; give a date on or after it")
    since = pd.Timestamp(first) if first else session_table()["session_date"].iloc[0]
    bars = warehouse.read(read_query("scans/sessions"), {"first_date": since})
    bars = bars.merge(session_table()[["session_date", "closes_at"]], on="session_date")
    newest = bars["session_date"].max()
    whole = (bars["last_closes_at"] >= bars["closes_at"]) | (bars["session_date"] < newest)
    inside = whole & (bars["session_date"] <= pd.Timestamp(last) if last else True)
    if not inside.any():
        raise InputError(
            f"no complete session with minute bars from {first or 'the first'} to"
            f" {last or 'the last'}; give another span or ingest its bars first"
        )
    return bars.loc[inside, ["session_date", "closes_at"]].reset_index(drop=True)


def _scans(
    warehouse: Warehouse, config: PipelineConfig, sessions: pd.DataFrame, version: str | None
) -> Iterator[dict[str, Any]]:
    """Give the row of each session; the first one's time holds what all of them share."""
    if sessions.empty:
        return
    started, began = pd.Timestamp.now(tz="UTC"), time.perf_counter()
    first, last = sessions["session_date"].min(), sessions["session_date"].max()
    with warehouse.reader():
        universe = scan_universe(warehouse.read, first, last, config.scan.lookback_days)
        market = condition_history(warehouse.read, last)
        falls = warehouse.read(read_query("scans/falls"), {"first_date": first, "last_date": last})
    by_session = dict(list(falls.groupby("session_date")))
    for day, closes_at in zip(sessions["session_date"], sessions["closes_at"], strict=True):
        watched = universe.at(day, config.scan)
        symbols = watched.loc[watched["is_watched"], "symbol"]
        found = by_session.get(day, falls.iloc[:0])
        found = found[found["symbol"].isin(symbols)]
        is_clean = found["quality"] == "clean"
        is_signal = is_clean & found["is_first"].astype(bool) & (found["risk_tier"] > 0)
        conditions = market.at(closes_at)
        result = ScanResult(
            started_at=started,
            total_seconds=time.perf_counter() - began,
            n_symbols=len(symbols),
            n_events=len(found),
            n_signals=int(is_signal.sum()),
            n_withheld=int((~is_clean).sum()),
        )
        settings = (config.scan, config.selloffs)
        yield scan_row("historical", day, closes_at, *settings, version, result, conditions)
        started, began = pd.Timestamp.now(tz="UTC"), time.perf_counter()


def show_scans(console: Console, home: Path, last: int, json_path: Path | None = None) -> None:
    """Print the newest scans, the newest first, and write them as JSON where asked."""
    warehouse = open_home(home, WAIT_SECONDS)
    scans = warehouse.read(
        "select * from scans.history"
        " order by scanned_at desc, started_at desc, scan_id limit $last",
        {"last": last},
    )
    table = Table(title="Scans of this home, the newest first", title_justify="left", box=None)
    for name in (
        "looked at, UTC",
        "mode",
        "symbols",
        "falls",
        "signals",
        "withheld",
        "seconds",
        "index",
        "volatility",
        "momentum",
        "VIX",
        "time of day",
    ):
        table.add_column(name, overflow="fold", no_wrap=name == "looked at, UTC")
    for row in scans.to_dict("records"):
        table.add_row(
            f"{row['scanned_at']:%Y-%m-%d %H:%M}",
            str(row["mode"]),
            *(str(row[name]) for name in ("n_symbols", "n_events", "n_signals", "n_withheld")),
            f"{row['total_seconds']:.2f}",
            str(row["spy_trend"] or "unknown"),
            _told(row["annualised_volatility"], ".0%"),
            _told(row["momentum"], "+.2f"),
            _told(row["vix"], ".1f"),
            str(row["time_of_day"]),
        )
    console.print(table)
    if scans.empty:
        console.print("No scan yet; run `trading-pipeline scan` first.")
    if json_path:
        write_json({"scans": _records(scans)}, json_path)


def _told(value: float, style: str) -> str:
    return "unknown" if pd.isna(value) else format(value, style)


def _records(scans: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            str(name): value.isoformat() if str(name).endswith("_at") else plain(value)
            for name, value in row.items()
        }
        for _, row in scans.iterrows()
    ]
