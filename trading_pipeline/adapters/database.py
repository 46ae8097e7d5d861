"""Opens DuckDB: one engine in memory per use, and the warehouse file attached to it in turn.

DuckDB lets one process in while it writes, and POSIX drops a process's file locks when any of
its handles on the file closes. So threads of one process take turns (a lock per path), and
processes wait for each other, for a bounded time.
"""

import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from trading_pipeline.contracts.errors import InputError, NewerWarehouseError, WarehouseBusyError

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may use: seconds of waiting, threads, memory."""

    lock_wait_seconds: float = 60.0
    threads: int = 2
    memory_gb: float = 4.0


@dataclass(slots=True)
class Turn:
    """Whose turn it is in this process to hold one file; `connection` is the one that is open."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    holder: str = ""
    is_writing: bool = False
    connection: duckdb.DuckDBPyConnection | None = None


_TURNS: dict[Path, Turn] = {}
_TURNS_LOCK = threading.Lock()


@contextmanager
def turn_at(path: Path, wait_seconds: float) -> Iterator[Turn]:
    """Hold this process's turn at a file; a thread that holds it may enter again.

    Raises WarehouseBusyError when another thread keeps the turn for `wait_seconds`.
    """
    with _TURNS_LOCK:
        turn = _TURNS.setdefault(path.resolve(), Turn())
    if not turn.lock.acquire(timeout=wait_seconds):
        raise WarehouseBusyError(
            f"{path} has been in use by thread {turn.holder!r} of this process for more than"
            f" {wait_seconds:g} s; wait for its query to end and try again"
        )
    try:
        turn.holder = threading.current_thread().name
        yield turn
    finally:
        turn.lock.release()


def open_engine(home: Path, limits: Limits) -> duckdb.DuckDBPyConnection:
    """Return an in-memory engine whose catalog is called `pipeline`; spills go to the home."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "threads": str(limits.threads),
            "memory_limit": f"{limits.memory_gb:g}GB",
            "temp_directory": str(home / "lake" / ".spill"),
        },
    )
    # The default catalog is called `memory`, as one of our schemas is.
    connection.execute("attach ':memory:' as pipeline; use pipeline; detach memory")
    connection.execute("set TimeZone = 'UTC'")
    return connection


def attach_file(
    connection: duckdb.DuckDBPyConnection, path: Path, *, read_only: bool, wait_seconds: float
) -> None:
    """Attach a database file as `warehouse`, waiting up to `wait_seconds` for its lock.

    Raises:
        WarehouseBusyError: Another process kept the lock; the message names it.
        NewerWarehouseError: A newer DuckDB wrote the file.
        InputError: The file cannot be opened; the message says why.
    """
    mode = " (read_only)" if read_only else ""
    statement = f"attach {quoted(str(path))} as warehouse{mode}"
    deadline = time.monotonic() + wait_seconds
    pause = _FIRST_PAUSE_SECONDS
    while True:
        try:
            connection.execute(statement)
            return
        except duckdb.Error as error:
            text = str(error)
            if "Could not set lock" not in text:
                raise _unusable(path, text) from None
            if time.monotonic() >= deadline:
                raise WarehouseBusyError(
                    f"{path} is held by {_holder(text)}; waited {wait_seconds:g} s."
                    " Wait for that process to end, or stop it, and try again"
                ) from None
        # Jitter keeps waiting processes from asking in step.
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def describe_process(pid: int) -> str:
    """Return `process PID (command)`; the command is left out where it cannot be read."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return f"process {pid}"
    command = " ".join(raw.replace(b"\0", b" ").decode(errors="replace").split())
    return f"process {pid} ({command[:120]})" if command else f"process {pid}"


def quoted(text: str) -> str:
    """Return an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return an SQL identifier; `stage.table` keeps its dot."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _holder(message: str) -> str:
    found = re.search(r"PID (\d+)", message)
    return describe_process(int(found.group(1))) if found else "another process"


def _unusable(path: Path, text: str) -> InputError:
    if "version number" in text or "newer version" in text:
        return NewerWarehouseError(
            f"{path} was written by a newer DuckDB; upgrade the program, or give another --home"
        )
    if "does not exist" in text and not path.exists():
        return InputError(f"{path} does not exist; run `trading-pipeline migrate` to create it")
    reason = text.splitlines()[0].partition(": ")[2] or text
    return InputError(f"{path} cannot be opened: {reason} Restore a backup, or give another --home")
