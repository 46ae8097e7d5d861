"""Serve Dagster, MLflow and the reports on loopback until the user stops it."""

import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from rich.console import Console

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.automation.launch import dagster_folder, open_instance, settle_dead_runs
from trading_pipeline.automation.server import (
    LOOPBACK,
    dagster_command,
    dagster_environment,
    make_storage,
    obey_interrupts,
    stop,
)
from trading_pipeline.commands.report_pages import report_server
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.resources import open_warehouse
from trading_pipeline.settings import load_settings, top_level_file


def serve(console: Console, home: Path, port: int) -> None:
    """Start the three servers and wait; Ctrl-C stops them all. Raises InputError."""
    for wanted in (port, port + 1, port + 2):
        _require_free(wanted)
    store = ConfigStore(home)
    config = store.load().config if store.has_current() else store.save(load_settings()).config
    try:
        with home_lock(home):
            open_warehouse(home, config).migrate()
        instance = open_instance(home, top_level_file("dagster.yaml"))
        settled = settle_dead_runs(instance, home)
        instance.dispose()
    except WarehouseBusyError:
        settled = []
    if settled:
        console.print(f"{len(settled)} runs of killed processes were marked as failed")
    reports = home / "reports"
    reports.mkdir(parents=True, exist_ok=True)
    pages = report_server(reports, LOOPBACK, port + 2)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    environment = {
        **dagster_environment(home, dagster_folder(home, top_level_file("dagster.yaml"))),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
        # Its job workers keep a core busy, and nothing here asks for a job.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    make_storage(home)
    obey_interrupts()
    servers = [
        subprocess.Popen(command, env=environment, cwd=home / "dagster", start_new_session=True)
        for command in _commands(home, port)
    ]
    console.print(
        f"Dagster  http://{LOOPBACK}:{port}\n"
        f"MLflow   http://{LOOPBACK}:{port + 1}\n"
        f"reports  http://{LOOPBACK}:{port + 2}\n"
        "Ctrl-C stops all three.",
        highlight=False,
    )
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        for server in servers:
            server.wait()
    except KeyboardInterrupt:
        console.print("stopping ...")
    finally:
        for server in servers:
            stop(server)
        pages.shutdown()


def _commands(home: Path, port: int) -> list[list[str]]:
    tools = Path(sys.executable).parent
    mlflow = [str(tools / "mlflow"), "server", "--host", LOOPBACK, "--port", str(port + 1)]
    mlflow += ["--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}", "--workers", "1"]
    mlflow += ["--default-artifact-root", str(home / "mlartifacts")]
    mlflow += ["--uvicorn-opts", "--log-level warning"]
    return [dagster_command(port), mlflow]


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            raise InputError(
                f"port {port} is in use; give another with --port (three in a row are needed)"
            ) from None


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
