"""What a scan needs beside its loop: the ledger of scans, the paper broker, and a run unwatched."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.scan_ledger import record_scans
from trading_pipeline.automation.scan_loop import Broker, ScanSummary
from trading_pipeline.automation.scan_universe import condition_history
from trading_pipeline.commands.paper_broker import is_traded, open_paper_book
from trading_pipeline.commands.scan_run import ScanRequest, live_request, run_scan
from trading_pipeline.commands.scan_view import PlainView
from trading_pipeline.domain.scans.history import ScanResult, scan_row


def record_scan(warehouse: Warehouse, request: ScanRequest, summary: ScanSummary) -> None:
    """Write the scan into scans.history; one that was stopped and went on is there once."""
    result = ScanResult(
        summary.started_at,
        summary.total_seconds,
        summary.n_symbols,
        summary.n_events,
        # A signal is said by a model that had not seen the fall.
        0 if summary.is_seen else summary.n_signals,
        summary.n_withheld,
    )
    market = condition_history(warehouse.read, summary.session_date)
    row = scan_row(
        request.mode,
        summary.session_date,
        summary.scanned_at,
        request.config.scan,
        request.config.selloffs,
        summary.model_version,
        result,
        market.at(summary.scanned_at),
        request.symbols,
    )
    record_scans(warehouse, [{**row, "scan_id": summary.scan_id}])


def broker_of(request: ScanRequest) -> Callable[[Warehouse], Broker | None] | None:
    """Return what opens the paper broker; None where it is off, and for a replay."""
    if not is_traded(request.config, request.mode):
        return None
    return partial(open_paper_book, request.config, request.home)


def scan_today(home: Path, say: Callable[[str], None]) -> ScanSummary:
    """Scan today's session of a home to its end with the home's settings, a line an event."""
    request = live_request(home, ConfigStore(home).load().config)
    view = PlainView(say)
    return run_scan(request, view, broker=broker_of(request), record=record_scan)[0]
