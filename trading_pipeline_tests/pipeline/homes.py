"""Settings, markets and homes of whole runs, and the command line as a user calls it."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.settings import PREFIX

ROOT = Path(__file__).resolve().parents[2]
# Every stage does its work, on as little as it can.
SMALL = """
[features]
rsi_sessions = [14]
atr_sessions = [14]
bollinger_sessions = [20]
sma_sessions = [20, 50]
macd_sessions = [[12, 26, 9]]
max_selected = 20

[labels]
min_symbols = 5
horizon_sessions = 5

[splits]
holdout_sessions = 80
n_folds = 2
embargo_sessions = 5

[sampling]
balance = true
use_archive = true
use_weights = true

[sweeps]
n_trials = 1
inner_folds = 2
max_rounds = 5
every_nth_session = 5

[ensemble]
meta_learner = "logistic"
max_rounds = 5

[effects]
switches = ["balance", "stack"]
learners = ["lightgbm"]

[gate]
bootstrap_samples = 100

[drift]
bootstrap_samples = 50

[tracking]
enabled = false

[runtime]
threads = 1
memory_gb = 2.0
"""
# One learner and no search worth its name: for tests that compare ways of launching.
SMALLEST = (
    SMALL.replace("[sweeps]", '[sweeps]\nlearners = ["lightgbm"]')
    .replace('switches = ["balance", "stack"]', "switches = []")
    .replace("max_selected = 20", "max_selected = 20\nuse_importance = false")
    + "\n[validation]\nleave_events_out = false\n"
)
SIMULATION = ("--seed", "7", "--symbols", "10", "--sessions", "400", "--minute-sessions", "5")
SIGNAL = ("--signal", "linear", "--oracle-auc", "0.7")


def environment(**more):
    """Return the variables of a user's shell: none of the program's own."""
    # Without bytecode each of the many processes would compile every library again.
    left_out = (PREFIX, "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    own = {k: v for k, v in os.environ.items() if not k.startswith(left_out)}
    return {**own, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **more}


def start(*words, **more):
    """Start a command of the program in a process of its own; its output comes by line."""
    return subprocess.Popen(
        [sys.executable, "-m", "trading_pipeline.cli", *map(str, words)],
        cwd=ROOT,
        env=environment(PYTHONUNBUFFERED="1", **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def call(*words, timeout=540, **more):
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trading_pipeline.cli", *map(str, words)],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def simulate(folder, *words):
    """Make a market folder and return it."""
    made = call("simulate", "--out", folder, *words)
    assert made.returncode == 0, made.stderr
    return folder


@dataclass(frozen=True)
class Home:
    """A home, the market and the settings it runs with."""

    path: Path
    data: Path
    settings: Path

    @property
    def words(self):
        """The command that runs this home."""
        home = ("--home", self.path, "--config", self.settings)
        return ("run", "--data", self.data, *home, "--json", self.json_path)

    @property
    def json_path(self):
        """Where its result goes: beside the home, not in it."""
        return self.path.with_suffix(".json")

    @property
    def result(self):
        """The object of the newest `--json`."""
        return json.loads(self.json_path.read_text())

    @property
    def warehouse(self):
        """Its tables."""
        return Warehouse(self.path, threads=1, memory_gb=1.0)

    def run(self, **more):
        """Run to the end and return what was printed; the exit code must be 0."""
        done = call(*self.words, **more)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def contents(self, *, with_provenance=False):
        """Return the content hash of every table by its name, read from the rows themselves."""
        warehouse = self.warehouse
        return {
            table: warehouse.content_hash(table, where="true", with_provenance=with_provenance)
            for table in warehouse.materializations()
        }

    def assert_readers_see_the_ledger(self):
        """Every table a reader sees is the one the ledger last spoke of, whole."""
        warehouse = self.warehouse
        for table, written in warehouse.materializations().items():
            n_rows = warehouse.read(f"select count(*) as n from {table}")["n"].iloc[0]
            assert n_rows == written.n_rows, table


def computed_tables(output):
    """Return the tables that a run computed, from what it printed."""
    lines = [line.split() for line in output.splitlines() if " rows " in line]
    return {words[1] for words in lines if words[-1] == "s"}


def reused_tables(output):
    """Return the tables that a run found up to date, from what it printed."""
    lines = [line for line in output.splitlines() if line.rstrip().endswith("up to date")]
    return {line.split()[1] for line in lines if " rows " in line}


def scores(result):
    """Return what two equal runs must agree on: all but ids, places and durations."""
    kept = {
        k: v for k, v in result.items() if k not in ("run_id", "home", "report", "stages", "steps")
    }
    kept["stages"] = [{k: v for k, v in row.items() if k != "seconds"} for row in result["stages"]]
    # The latency criterion speaks of milliseconds.
    kept["gate"] = {
        **result["gate"],
        "reasons": [text for text in result["gate"]["reasons"] if not text.startswith("latency")],
    }
    return kept
