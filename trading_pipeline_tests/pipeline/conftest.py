"""Whole runs that many tests look at: each is made once a session."""

import json
import subprocess
import sys

import pytest

from trading_pipeline_tests.pipeline.homes import (
    ROOT,
    SIGNAL,
    SIMULATION,
    SMALL,
    Home,
    environment,
    simulate,
    start,
)
from trading_pipeline_tests.pipeline.kills import kill_and_rerun

N_KILLS = 5

WATCH = """
import json, sys, time
from pathlib import Path
from trading_pipeline.adapters.warehouse import Warehouse
home, stop, out = map(Path, sys.argv[1:])
warehouse = Warehouse(home, threads=1, memory_gb=1.0, lock_wait_seconds=30)
query = '''
select
    (select count(*) from {table}) as n_rows,
    (select n_rows from provenance.materializations where asset = '{table}'
        order by written_at desc limit 1) as n_known,
    (select count(distinct run_id) from {table}) as n_runs
'''
tables = ("bars.daily", "bars.minute", "bars.intraday", "features.daily", "memory.archive",
          "regimes.market", "labels.direction", "sweeps.trials", "ensemble.oof", "gate.verdicts")
seen = {"queries": 0, "torn": [], "errors": []}
while not stop.exists():
    if not warehouse.path.exists():
        time.sleep(0.05)
        continue
    for table in tables:
        try:
            row = warehouse.read(query.format(table=table)).iloc[0]
        except Exception as error:
            seen["errors"].append(repr(error))
            continue
        seen["queries"] += 1
        known = 0 if row.n_known != row.n_known else int(row.n_known)
        if row.n_rows != known or row.n_runs > 1:
            seen["torn"].append([table, int(row.n_rows), known])
    time.sleep(1.5)
out.write_text(json.dumps(seen))
"""


@pytest.fixture(scope="session")
def settings_file(tmp_path_factory):
    """Settings under which a whole run takes seconds."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture(scope="session")
def market(tmp_path_factory):
    """10 symbols x 400 sessions with a planted signal."""
    return simulate(tmp_path_factory.mktemp("markets") / "market", *SIMULATION, *SIGNAL)


@pytest.fixture(scope="session")
def first_runs(tmp_path_factory, market, settings_file):
    """Two fresh homes: one runs undisturbed; the other is killed five times and then runs to its
    end, at the same time, while a reader in a third process watches it.

    Returns (home, its output, killed home, what the killer saw, what the reader saw).
    """
    folder = tmp_path_factory.mktemp("homes")
    plain, killed = (Home(folder / name, market, settings_file) for name in ("plain", "killed"))
    seen, stop = folder / "seen.json", folder / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", WATCH, killed.path, stop, seen], cwd=ROOT, env=environment()
    )
    try:
        undisturbed = start(*plain.words)
        report = kill_and_rerun(killed, N_KILLS, seed=7)
        output = undisturbed.communicate(timeout=540)[0]
        stop.touch()
        reader.wait(timeout=60)
    finally:
        reader.kill()
    assert undisturbed.returncode == 0, output
    return plain, output, killed, report, json.loads(seen.read_text())


@pytest.fixture(scope="session")
def finished(first_runs):
    """A home after its first, undisturbed run. Tests that change a home copy it first."""
    return first_runs[0]
