"""A dry run of a scan: what would be watched, with rows, time and memory; nothing is asked or
written."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading_pipeline.commands.scan_model import model_in_service
from trading_pipeline.commands.scan_run import (
    REPLAY,
    WAIT_SECONDS,
    ScanRequest,
    replayed_minutes,
    scan_id,
    watched_symbols,
)
from trading_pipeline.commands.summary import write_json
from trading_pipeline.domain.selloffs.live_minutes import MINUTE
from trading_pipeline.resources import open_home

# Of one minute of bars: the walk over the session and what is said of it, on one core.
SECONDS_PER_MINUTE = 0.012
START_SECONDS = 3.0
BASE_GIGABYTES = 0.45
# Context and grids of a symbol: volume curves of twenty sessions, prices of this one.
MEGABYTES_PER_SYMBOL = 0.2


def print_scan_plan(console: Console, request: ScanRequest, json_path: Path | None) -> None:
    """Print what the scan would do, and write it as JSON where asked. Raises InputError."""
    warehouse = open_home(request.home, WAIT_SECONDS)
    session = request.session
    n_minutes = int((session.closes_at - session.opens_at) / MINUTE)
    with warehouse.reader():
        if request.mode == REPLAY:
            minutes = replayed_minutes(warehouse, session)
            watched = watched_symbols(warehouse, request, sorted(minutes["symbol"].unique()))
            rows, n_scanned = len(minutes), minutes["symbol"].nunique()
        else:
            watched = watched_symbols(warehouse, request, None)
            rows, n_scanned = len(watched) * n_minutes, len(watched)
        speaker, fault = model_in_service(warehouse, request.home, request.config.runtime.threads)
    seconds = START_SECONDS + SECONDS_PER_MINUTE * n_minutes
    if request.speed is not None:
        seconds += 60.0 * n_minutes / request.speed
    if request.mode != REPLAY:
        left = session.closes_at - max(request.clock.now(), session.opens_at)
        seconds = START_SECONDS if request.is_once else left.total_seconds()
    gigabytes = BASE_GIGABYTES + MEGABYTES_PER_SYMBOL * n_scanned / 1e3 + rows * 200 / 1e9
    record = {
        "mode": request.mode,
        "session_date": f"{session.session_date:%Y-%m-%d}",
        "scan_id": scan_id(request, speaker.version),
        "vendor": request.vendor or None,
        "symbols": len(watched),
        "symbols_as_context": n_scanned,
        "rows": rows,
        "seconds": round(seconds, 1),
        "memory_gb": round(gigabytes, 2),
        "model_version": speaker.version,
    }
    table = Table(box=None, show_header=False, title="Dry run: nothing was done")
    table.title_justify = "left"
    table.add_row("scan", f"{request.mode} of {session.session_date:%Y-%m-%d}")
    table.add_row("home", str(request.home))
    shown = ", ".join(watched[:8]) + (", ..." if len(watched) > 8 else "")
    table.add_row("symbols", f"{len(watched)} watched of {n_scanned} with bars: {shown}")
    table.add_row("minute bars", f"about {rows:,}")
    table.add_row("time", f"about {seconds:.0f} s")
    table.add_row("memory", f"about {gigabytes:.1f} GB")
    table.add_row("model", fault or speaker.version or "none in service")
    console.print(table)
    if json_path:
        write_json(record, json_path)
