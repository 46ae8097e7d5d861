"""Locks of the home: one run at a time, one scan of a kind at a time, named while they last."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from trading_pipeline.contracts.errors import InputError, WarehouseBusyError

RUN_LOCK = "run.lock"


@contextmanager
def home_lock(home: Path, name: str = RUN_LOCK) -> Iterator[Path]:
    """Hold a lock of a home; the kernel drops it when the process ends, however it ends.

    The file says who holds it: process id, command and start, one to a line.

    Raises:
        WarehouseBusyError: Another process holds it; raised at once, naming it.
        InputError: The home cannot be written.
    """
    path = home / name
    try:
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise InputError(
            f"home {home} cannot be written ({error.strerror}); give another with --home"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusyError(
                f"home {home} is in use by {_holder(path)}; wait for it to end,"
                " stop it, or give another with --home"
            ) from None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        text = f"{os.getpid()}\n{' '.join(sys.argv)}\n{started}\n"
        os.ftruncate(handle, 0)
        os.pwrite(handle, text.encode(), 0)
        yield path
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _holder(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) < 3:
        return "another process"
    pid, command, started = lines[:3]
    return f"process {pid} ({command[:120]}, since {started})"
