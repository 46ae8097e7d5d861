"""The command `scan`: its options, and what it prints and writes."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
import typer
from rich.console import Console
from rich.markup import escape

from trading_pipeline.commands.options import (
    ConfigFile,
    DryRun,
    Home,
    JsonPath,
    Symbols,
    symbols_of,
)
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.settings import default_home, load_settings

if TYPE_CHECKING:
    from trading_pipeline.automation.scan_loop import ScanState, ScanSummary
    from trading_pipeline.contracts.config import PipelineConfig

Replay = Annotated[
    datetime | None,
    typer.Option(
        "--replay",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="Scan a stored session, YYYY-MM-DD; without it today's, live.",
    ),
]
Speed = Annotated[
    float | None,
    typer.Option("--speed", metavar="X", help="Replay X times as fast as it was; else at once."),
]
Vendor = Annotated[
    Literal["alpaca", "massive"] | None,
    typer.Option("--vendor", help="Whom a live scan asks; else the home's source."),
]
Once = Annotated[
    bool, typer.Option("--once", help="Look once at the live session so far, then end.")
]
Plain = Annotated[
    bool, typer.Option("--plain", help="Lines instead of the live screen; always so in a pipe.")
]
Capture = Annotated[
    Path | None,
    typer.Option("--capture", metavar="FILE.svg", help="Save the last screen as a picture."),
]
Kill = Annotated[
    str | None,
    typer.Option(
        "--kill",
        metavar="REASON",
        help="End paper trading: cancel own orders, close own positions, open nothing more.",
    ),
]
Lift = Annotated[bool, typer.Option("--lift-kill", help="Allow paper trading again.")]

First = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        metavar="DATE",
        help="Past sessions from here on: scan their stored falls into the ledger of scans.",
    ),
]
Last = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="DATE", help="Past sessions up to here."),
]
Listed = Annotated[
    int | None, typer.Option("--list", min=1, metavar="N", help="Show the newest scans, no scan.")
]


def scan(
    replay: Replay = None,
    speed: Speed = None,
    vendor: Vendor = None,
    symbols: Symbols = None,
    once: Once = False,
    plain: Plain = False,
    capture: Capture = None,
    kill: Kill = None,
    lift_kill: Lift = False,
    home: Home = None,
    config: ConfigFile = None,
    json_path: JsonPath = None,
    dry_run: DryRun = False,
    first: First = None,
    last: Last = None,
    listed: Listed = None,
) -> None:
    """Scan a session for selloffs, live or replayed: alerts by probability, with stop and size.

    Without --config the home's own settings act, so that a replay says what the run says.
    """
    from trading_pipeline.adapters.config_store import ConfigStore
    from trading_pipeline.commands.paper_broker import switch
    from trading_pipeline.commands.scan_hooks import broker_of, record_scan
    from trading_pipeline.commands.scan_plan import print_scan_plan
    from trading_pipeline.commands.scan_run import live_request, replay_request, run_scan
    from trading_pipeline.commands.scan_view import LiveView, PlainView
    from trading_pipeline.commands.scan_view import capture as save_capture

    _refuse_contradictions(replay, speed, vendor, once)
    _refuse_idle_options(
        {"--kill": kill is not None},
        {"--lift-kill": lift_kill},
        {"--list": listed is not None},
        {"--from": first is not None, "--to": last is not None},
        **{
            "--replay": replay,
            "--speed": speed,
            "--vendor": vendor,
            "--symbols": symbols,
            "--once": once,
            "--capture": capture,
            "--dry-run": dry_run,
        },
    )
    target = (home or default_home()).expanduser().resolve()
    console = Console(soft_wrap=plain)

    def settings_of() -> PipelineConfig:
        return load_settings(config_file=config) if config else ConfigStore(target).load().config

    if kill is not None or lift_kill:
        switch(target, kill, settings_of, lambda line: console.print(line, markup=False))
        return
    settings = settings_of()
    if first or last or listed:
        _look_back(console, target, settings, first, last, listed, json_path)
        return
    names = tuple(symbols_of(symbols)) if symbols else ()
    if replay is not None:
        request = replay_request(target, settings, pd.Timestamp(replay), names, speed)
    else:
        request = live_request(target, settings, vendor or "", names, is_once=once)
    if dry_run:
        print_scan_plan(console, request, json_path)
        return
    is_plain = plain or not console.is_terminal
    view = PlainView(lambda line: console.print(escape(line), highlight=False))
    shown = view if is_plain else LiveView(console)
    summary, state = run_scan(request, shown, broker=broker_of(request), record=record_scan)
    if capture is not None:
        save_capture(state, capture)
    print_scan_summary(console, summary, state, json_path)


def _look_back(
    console: Console,
    home: Path,
    settings: "PipelineConfig",
    first: datetime | None,
    last: datetime | None,
    listed: int | None,
    json_path: Path | None,
) -> None:
    """Scan past sessions, or list the scans there were."""
    from trading_pipeline.commands.scan_history import scan_past, show_scans

    if listed:
        show_scans(console, home, listed, json_path)
        return
    begin, end = first.date() if first else None, last.date() if last else None
    scan_past(console, home, settings, begin, end, json_path)


def _refuse_contradictions(
    replay: datetime | None, speed: float | None, vendor: str | None, once: bool
) -> None:
    """Raise InputError for options that exclude each other."""
    if replay is None and speed is not None:
        raise InputError("--speed acts on a replay; give --replay DATE beside it, or leave it out")
    if speed is not None and not speed > 0:
        raise InputError(f"--speed {speed:g} is no pace; give a number above 0")
    if replay is not None and vendor is not None:
        raise InputError("--replay reads the home and --vendor asks today's market; give one")
    if replay is not None and once:
        raise InputError("--once is for a live scan; a replay always ends by itself")


def _refuse_idle_options(*deeds: dict[str, bool], **of_a_scan: object) -> None:
    """Raise InputError for options beside a deed that is no scan: they would not act."""
    asked = [[name for name, is_asked in deed.items() if is_asked] for deed in deeds]
    done = [names[0] for names in asked if names]
    idle = [*done[1:], *(name for name, value in of_a_scan.items() if done and value)]
    if idle:
        raise InputError(f"{idle[0]} does not act beside {done[0]}; leave one of them out")


def print_scan_summary(
    console: Console, summary: "ScanSummary", state: "ScanState", json_path: Path | None
) -> None:
    """Print what a scan came to, and write it as JSON where asked."""
    from trading_pipeline.commands.scan_view import reason_counts
    from trading_pipeline.commands.summary import write_json

    console.print(
        f"{summary.mode} {summary.session_date:%Y-%m-%d}: {summary.n_events} falls of"
        f" {summary.n_symbols} symbols, {summary.n_alerts} alerts ({summary.n_signals} with risk),"
        f" {summary.n_withheld} withheld; {summary.n_new} new, {summary.total_seconds:.1f} s,"
        f" scan {summary.scan_id}",
        highlight=False,
    )
    latency = latency_record(summary.latency_ms)
    if latency is not None:
        console.print(
            f"latency of an alert from its bars' arrival: median {latency['p50']:.1f} ms,"
            f" 99 % within {latency['p99']:.1f} ms, most {latency['max']:.1f} ms",
            highlight=False,
        )
    if summary.n_new == 0 and state.n_before:
        others = set(state.alerts["model_version"].dropna()) - {summary.model_version}
        by = f", by {', '.join(sorted(others))}" if others else ""
        console.print(f"every fall of this session had been told before{by}", highlight=False)
    if json_path:
        write_json(
            {
                "scan_id": summary.scan_id,
                "mode": summary.mode,
                "session_date": f"{summary.session_date:%Y-%m-%d}",
                "started_at": summary.started_at.isoformat(),
                "seconds": summary.total_seconds,
                "symbols": summary.n_symbols,
                "events": summary.n_events,
                "alerts": summary.n_alerts,
                "signals": summary.n_signals,
                "model_had_seen": summary.is_seen,
                "withheld": summary.n_withheld,
                "withheld_reasons": reason_counts(state.alerts),
                "new": summary.n_new,
                "model_version": summary.model_version,
                "latency_ms": latency,
            },
            json_path,
        )


def latency_record(latencies: tuple[float, ...]) -> dict[str, float] | None:
    """Return median, 99th percentile and maximum; None where there was no alert."""
    if not latencies:
        return None
    values = pd.Series(latencies)
    return {
        "p50": float(values.quantile(0.5)),
        "p99": float(values.quantile(0.99)),
        "max": float(values.max()),
    }
