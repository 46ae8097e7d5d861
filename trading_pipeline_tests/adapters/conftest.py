"""Homes, small frames and second processes for the tests of storage."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.provenance import Provenance

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory):
    """The bytes of a fresh warehouse, made once."""
    warehouse = Warehouse(tmp_path_factory.mktemp("template"), threads=1)
    warehouse.migrate()
    return warehouse.path.read_bytes()


@pytest.fixture
def warehouse(tmp_path, empty_warehouse):
    home = tmp_path / "home"
    home.mkdir()
    (home / "warehouse.duckdb").write_bytes(empty_warehouse)
    return Warehouse(home, threads=1, memory_gb=1.0, lock_wait_seconds=10)


@pytest.fixture
def provenance():
    return Provenance("run-1", "code-1", "data-1", "config-1", "inputs-1", 1.5, '{"rows": 3}')


@pytest.fixture
def vix():
    """Three sessions for bars.vix, one value missing."""
    dates = pd.to_datetime(["2020-01-02", "2020-01-03", "2020-01-06"])
    return pd.DataFrame(
        {
            "session_date": dates,
            "open": [12.0, float("nan"), 14.0],
            "high": [13.0, 14.0, 15.0],
            "low": [11.0, 12.0, 13.0],
            "close": [12.5, 13.5, 14.5],
            "known_at": dates.tz_localize("UTC") + pd.Timedelta(hours=21, minutes=15),
        }
    )


@pytest.fixture
def features():
    """Two symbols over three years for features.daily, with two feature columns."""
    dates = pd.to_datetime(["2019-12-30", "2019-12-31", "2020-01-02", "2021-01-04"])
    frame = pd.DataFrame(
        [(symbol, date) for symbol in ("BBB", "AAA") for date in dates],
        columns=["symbol", "session_date"],
    )
    return frame.assign(
        session=range(8),
        known_at=frame.session_date.dt.tz_localize("UTC"),
        return_1=[0.1 * n for n in range(8)],
        rsi_14=[float("nan")] + [50.0] * 7,
    )


@contextmanager
def second_process(code):
    """Run Python code in another process; yields it once it has printed its first line."""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert child.stdout.readline().strip() == "ready"
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
