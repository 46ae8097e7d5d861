"""A run says before what it will do, goes on after a failure, and outlives a broken champion."""

import json
import shutil
import subprocess
import sys

import pytest

from trading_pipeline_tests.pipeline.homes import (
    ROOT,
    Home,
    call,
    computed_tables,
    environment,
    reused_tables,
)

# One worker: the tests share what is dear to make.
pytestmark = [pytest.mark.xdist_group("one home"), pytest.mark.long]

DEARER = {"TRADING_PIPELINE_BACKTEST__HALF_SPREAD_BPS": "25"}
BROKEN = """
from trading_pipeline.assets import backtest
def broken(*_, **__):
    raise RuntimeError("broken on purpose")
backtest.build_equity = broken
from trading_pipeline import cli
cli.main()
"""


@pytest.fixture(scope="module")
def copied(finished, tmp_path_factory):
    """A finished home that may be changed."""
    path = tmp_path_factory.mktemp("orchestrated") / "home"
    shutil.copytree(finished.path, path)
    return Home(path, finished.data, finished.settings)


def planned(home, **more):
    """Return (all tables a dry run names, those it is certain of)."""
    out = home.path.with_name("dry.json")
    words = [word for word in home.words if word not in ("--json", home.json_path)]
    done = call(*words, "--dry-run", "--json", out, **more)
    assert done.returncode == 0, done.stderr
    tables = json.loads(out.read_text())["tables"]
    named = {row["table"] for row in tables if row["state"] != "up to date"}
    return named, {row["table"] for row in tables if row["state"] == "compute"}


@pytest.fixture(scope="module")
def interrupted(copied):
    """What a dry run named, what a run with a failing table computed, and what the next one did."""
    named, certain = planned(copied, **DEARER)
    failed = subprocess.run(
        [sys.executable, "-c", BROKEN, *map(str, copied.words)],
        cwd=ROOT, env=environment(**DEARER), capture_output=True, text=True, timeout=540,
    )  # fmt: skip
    return named, certain, failed, copied.run(**DEARER)


def test_a_failed_table_ends_the_run_with_its_name_and_what_stood_is_kept(interrupted):
    failed = interrupted[2]
    assert failed.returncode == 1
    assert "failed in backtest.equity: RuntimeError: broken on purpose" in failed.stderr
    assert "backtest.trades" in computed_tables(failed.stdout)


def test_the_next_run_computes_only_what_is_left(interrupted):
    before, after = (computed_tables(text) for text in (interrupted[2].stdout, interrupted[3]))
    assert before
    assert not before & after
    assert before <= reused_tables(interrupted[3])
    assert "backtest.equity" in after


def test_a_dry_run_names_what_is_certain_and_what_may_follow_and_nothing_else_is_computed(
    interrupted, copied
):
    named, certain, failed, output = interrupted
    computed = computed_tables(failed.stdout) | computed_tables(output)
    assert certain <= computed <= named
    assert {"gate.verdicts", "reports.cards", "reports.runs"} <= computed - certain
    # The verdict came out otherwise and the refit did not: what rests on the refit alone stays.
    stages = {table.partition(".")[0] for table in named - computed}
    assert stages <= {"drift", "predictions", "outcomes", "reports"}
    assert planned(copied, **DEARER) == (set(), set())


def test_the_log_holds_the_failed_run_and_the_one_after_it(interrupted, copied):
    assert interrupted
    log = copied.warehouse.read("select * from reports.training_log order by started_at")
    failed, last = (log.iloc[place] for place in (-2, -1))
    assert (failed["state"], failed["failed"]) == ("failed", "backtest.equity")
    assert (last["state"], last["failed"]) == ("succeeded", "")
    assert set(last["computed"].split(", ")) == computed_tables(interrupted[3])
    assert last["config_version"] == failed["config_version"] != log.iloc[0]["config_version"]


def test_a_champion_that_cannot_be_loaded_is_told_of_and_its_replacement_is_trained(
    interrupted, copied
):
    assert interrupted
    promoted = call("promote", "--anyway", "--by", "ann", "--reason", "test", "--home", copied.path)
    assert promoted.returncode == 0, promoted.stderr
    read = copied.warehouse.read
    champion = read("select any_value(model_version) as v from ensemble.deployed")["v"].iloc[0]
    member = next((copied.path / "models" / champion).glob("lightgbm*"))
    member.write_bytes(member.read_bytes()[:-1])
    output = copied.run(TRADING_PIPELINE_LABELS__HORIZON_SESSIONS="6")
    assert "warning:" in output
    assert f"champion {champion} is unhealthy" in " ".join(output.split())
    ill = read("select criterion from gate.health where not is_healthy")["criterion"].tolist()
    assert ill == ["files"]
    against = read("select detail from gate.verdicts where criterion = 'champion'")["detail"]
    assert "cannot be loaded" in against.iloc[0]
    newest = read("select any_value(model_version) as v from ensemble.deployed")["v"].iloc[0]
    assert newest != champion
