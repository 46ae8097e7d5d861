"""A backfill killed again and again asks the vendor once, and stores what one run would have."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

import pandas as pd
import pytest

from trading_pipeline.adapters.vendors.limits import Clock
from trading_pipeline_tests.adapters.vendors.scenes import AS_OF, Scene, plan_settings
from trading_pipeline_tests.adapters.vendors.server import Market, Script

ROOT = Path(__file__).resolve().parents[3]
SYMBOLS = tuple(f"S{number:02d}" for number in range(10))
START, END = date(2023, 1, 1), date(2024, 12, 31)
MARKET = Market(SYMBOLS, START, END, bars_per_day=13)
LATER = datetime(2030, 1, 1, tzinfo=UTC)
# Ledger lines at which the process is killed.
KILLS = (5, 14, 20, 31, 44)
# At this speed a plan of one request a minute leaves 0.15 s between two requests.
SPEED = 400.0
CHILD = """
import sys
from trading_pipeline_tests.adapters.vendors.test_kills import backfill
backfill(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


class FastClock:
    """Real time, faster; processes started one after another agree on it."""

    clock = Clock(
        lambda: time.monotonic() * SPEED,
        lambda: AS_OF.timestamp() + time.monotonic() * SPEED,
        lambda seconds: time.sleep(seconds / SPEED),
    )


def scene_of(home, url, per_minute):
    settings = plan_settings(url, requests_per_minute=per_minute)
    return Scene(Path(home), url, clock=FastClock(), settings=settings)


def backfill(home, url, per_minute):
    """Fetch what is missing, in this process."""
    scene = scene_of(home, url, per_minute)
    scene.fetch(scene.plan(SYMBOLS, START, END, as_of=LATER), deadline_seconds=1e6)
    return scene


def start_child(home, url, per_minute):
    arguments = [sys.executable, "-c", CHILD, str(home), url, str(per_minute)]
    return subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, "NO_PROXY": "127.0.0.1"})


def lines_of(home):
    ledger = home / "raw" / "vendors" / "requests.jsonl"
    return ledger.read_bytes().count(b"\n") if ledger.exists() else 0


def kill(child):
    child.send_signal(signal.SIGKILL)
    assert child.wait(30) == -signal.SIGKILL


@pytest.fixture
def script():
    return Script(MARKET, page_rows=1500)


@pytest.fixture
def undisturbed(tmp_path, server, script):
    """The rows and the number of requests of one run from start to end."""
    scene = backfill(tmp_path / "undisturbed", server.url, 100_000)
    rows, requests = scene.rows(), len(script.arrivals)
    script.arrivals.clear()
    pd.testing.assert_frame_equal(rows, MARKET.frame())
    return rows, requests


def test_five_kills_cost_at_most_one_page(tmp_path, server, script, undisturbed):
    rows, requests = undisturbed
    assert requests == 48
    home = tmp_path / "home"
    for lines in KILLS:
        child = start_child(home, server.url, 1)
        while lines_of(home) < lines:
            assert child.poll() is None
            time.sleep(0.002)
        kill(child)
    assert start_child(home, server.url, 1).wait(120) == 0
    assert len(script.arrivals) <= requests + 1
    script.arrivals.clear()
    scene = backfill(home, server.url, 1)
    assert script.arrivals == []
    pd.testing.assert_frame_equal(scene.rows(), rows)


@pytest.mark.long
def test_kills_at_any_moment_cost_at_most_a_page_each(tmp_path, server, script, undisturbed):
    rows, requests = undisturbed
    home = tmp_path / "home"
    moments = random.Random(7)
    kills = 0
    while (child := start_child(home, server.url, 1000)).poll() is None:
        before = lines_of(home)
        while child.poll() is None and lines_of(home) < before + 4:
            time.sleep(0.001)
        time.sleep(moments.uniform(0, 0.03))
        if child.poll() is not None:
            break
        kill(child)
        kills += 1
    assert child.returncode == 0
    assert kills >= 5
    assert len(script.arrivals) <= requests + kills
    pd.testing.assert_frame_equal(scene_of(home, server.url, 1).rows(), rows)
