"""Killed at any moment and run again, the tables are the same; a reader never notices."""

import pytest

from trading_pipeline.automation.launch import UNFINISHED, open_instance
from trading_pipeline.resources import POOL
from trading_pipeline.settings import top_level_file
from trading_pipeline_tests.pipeline.homes import SMALL, Home, scores, simulate
from trading_pipeline_tests.pipeline.kills import kill_and_rerun

# One worker: the tests share what is dear to make.
pytestmark = pytest.mark.xdist_group("one home")


def assert_same_as_undisturbed(killed, plain):
    assert killed.contents() == plain.contents()
    assert killed.contents(with_provenance=True) == plain.contents(with_provenance=True)
    assert scores(killed.result) == scores(plain.result)
    killed.assert_readers_see_the_ledger()


def assert_nothing_waits(home):
    """No run is left as if it went on, and no pool slot is held by a dead one."""
    instance = open_instance(home.path, top_level_file("dagster.yaml"))
    try:
        assert not [run.run_id for run in instance.get_runs() if run.status in UNFINISHED]
        slots = instance.event_log_storage.get_concurrency_info(POOL)
        assert slots.active_slot_count == 0
        assert slots.pending_step_count == 0
    finally:
        instance.dispose()


def assert_no_leftovers(home):
    """The lake holds the files of its ledger and nothing else."""
    listed = home.warehouse.read("select path from provenance.partitions")["path"]
    lake = home.path / "lake"
    found = {path.relative_to(home.path).as_posix() for path in lake.rglob("*") if path.is_file()}
    assert found == set(listed)


def test_five_kills_leave_the_tables_of_an_undisturbed_run(first_runs):
    plain, _, killed, report, _ = first_runs
    assert len(report.tables) == 5
    assert_same_as_undisturbed(killed, plain)


def test_killed_runs_are_settled_and_leave_no_file(first_runs):
    assert_nothing_waits(first_runs[2])
    assert_no_leftovers(first_runs[2])


def test_a_reader_of_another_process_is_never_refused_and_never_sees_half_a_table(first_runs):
    seen = first_runs[4]
    assert seen["errors"] == []
    assert seen["torn"] == []
    assert seen["queries"] > 50


@pytest.mark.long
def test_twenty_kills_of_a_quick_run_leave_the_tables_of_an_undisturbed_run(tmp_path):
    market = simulate(
        tmp_path / "market", "--seed", "11", "--symbols", "20", "--sessions", "1000",
        "--minute-sessions", "10", "--signal", "linear",
    )  # fmt: skip
    settings = tmp_path / "settings.toml"
    bounds = "[labels]\nmin_symbols = 5\n[splits]\nholdout_sessions = 250\n"
    settings.write_text(bounds + SMALL[SMALL.index("[tracking]") :])
    plain, killed = (Home(tmp_path / name, market, settings) for name in ("plain", "killed"))
    plain.run()
    kill_and_rerun(killed, 20, seed=20)
    assert_same_as_undisturbed(killed, plain)
    assert_nothing_waits(killed)
    assert_no_leftovers(killed)
