"""Logs runs to MLflow without ever holding up or failing the pipeline.

The work happens in a child process (`mlflow_worker`), so a server that hangs is given up cleanly
and MLflow's own state never enters this process.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trading_pipeline.contracts.tracking import TrackingRecord, TrackingResult

# Importing MLflow and creating its database is the machine's work, not the server's: a slow
# disk must not pass for an absent server.
_SETUP_SECONDS = 90.0
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]


def tracking_uri(home: Path, uri: str = "") -> str:
    """Return the tracking address: the one given, else a database file in the home."""
    return uri or f"sqlite:///{home.resolve() / 'mlflow.db'}"


def log_run(record: TrackingRecord) -> TrackingResult:
    """Log one retrain: a parent run, a child per learner, and a registered model version.

    Talking to the server takes at most `record.timeout_seconds`, after the library has loaded.
    Never raises: `state` is `logged`, `disabled` or `unavailable`, and `detail` says why. NaN
    metrics are left out.
    """
    if not record.is_enabled:
        return TrackingResult("disabled", "tracking is off in the settings")
    task = asdict(record) | {"task": "log_run"}
    return _in_child(task, record.home, record.uri, record.timeout_seconds)


def set_alias(
    home: Path,
    uri: str,
    model: str,
    alias: str,
    version: str,
    *,
    timeout_seconds: float = 20.0,
) -> TrackingResult:
    """Point an alias of a registered model at a version; as bounded and silent as `log_run`."""
    task = {"task": "set_alias", "model": model, "alias": alias, "version": version}
    return _in_child(task, home, uri, timeout_seconds)


def _in_child(task: dict[str, Any], home: Path, uri: str, timeout_seconds: float) -> TrackingResult:
    address = tracking_uri(home, uri)
    task |= {
        "home": str(home.resolve()),
        "uri": address,
        "timeout_seconds": timeout_seconds,
        "exit_after_seconds": _SETUP_SECONDS + timeout_seconds,
    }
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "trading_pipeline.adapters.mlflow_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_PACKAGE_ROOT,
            text=True,
        )
    except OSError as error:
        return TrackingResult("unavailable", f"MLflow could not be started: {error}")
    try:
        return _conversation(child, json.dumps(task, default=os.fspath), address, timeout_seconds)
    except (OSError, ValueError) as error:
        return TrackingResult("unavailable", f"MLflow's worker failed: {error}")
    finally:
        child.kill()
        child.wait()


def _conversation(
    child: "subprocess.Popen[str]", task: str, address: str, timeout_seconds: float
) -> TrackingResult:
    """Send the task; take `ready`, then the result, each within its time."""
    assert child.stdin is not None
    assert child.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_pump, args=(child.stdout, lines), daemon=True).start()
    child.stdin.write(task)
    child.stdin.close()
    wait, phase = _SETUP_SECONDS, "MLflow did not load"
    while True:
        started = time.monotonic()
        try:
            message = json.loads(lines.get(timeout=wait) or '{"state": "ended"}')
        except queue.Empty:
            return TrackingResult(
                "unavailable", f"{phase} within {time.monotonic() - started:.0f} s"
            )
        if message["state"] == "ended":
            return TrackingResult("unavailable", "MLflow's worker ended without a word")
        if message["state"] != "ready":
            return TrackingResult(**message)
        wait, phase = timeout_seconds, f"{address} did not answer"


def _pump(source: Any, lines: "queue.Queue[str]") -> None:
    """Pass lines on; an empty one says that the child has ended."""
    for line in source:
        lines.put(line)
    lines.put("")
