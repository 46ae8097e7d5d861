"""The loop turns: promote, daily update, planted drift, one retrain, decision, roll-back."""

import pytest
from rich.console import Console

from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.demo import SETTINGS, SETTINGS_FILE, demo_settings, turn
from trading_pipeline.contracts.errors import InputError

# One worker: the tests share what is dear to make.
# Minutes of daemon, sensor and retrain: part of `make test-long`, as `make demo` shows it.
pytestmark = [pytest.mark.xdist_group("loop"), pytest.mark.long]

# The same way on fewer rows; what the gate says is not what is tested here.
SMALL = {
    "n_symbols = 16": "n_symbols = 10",
    "n_sessions = 560": "n_sessions = 480",
    'learners = ["lightgbm", "xgboost"]': 'learners = ["lightgbm"]',
    "n_trials = 2": "n_trials = 1",
    "max_rounds = 40": "max_rounds = 15",
}


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    text = SETTINGS + "\n[tracking]\nenabled = false\n\n[runtime]\nthreads = 1\n"
    for usual, small in SMALL.items():
        assert usual in text
        text = text.replace(usual, small)
    home = tmp_path_factory.mktemp("loop")
    return turn(Console(quiet=True), home, demo_settings(home, text, seed=7))


@pytest.fixture(scope="module")
def warehouse(turned):
    return Warehouse(turned.home, threads=1)


def test_the_sensor_asks_for_one_retrain_of_the_one_episode(turned, warehouse):
    requests = warehouse.read("select * from drift.requests")
    episodes = warehouse.read("select * from drift.episodes")

    assert requests["episode_id"].tolist() == [turned.episode_id]
    assert episodes["episode_id"].tolist() == [turned.episode_id]
    assert episodes["reason"].tolist() == ["features"]


def test_the_retrain_is_the_sensors_and_uses_the_new_sessions(turned, warehouse):
    deployed = warehouse.read("select distinct run_id, train_end from ensemble.deployed").iloc[0]
    holdout = warehouse.read("select holdout_end from splits.holdout").iloc[0]
    opened = warehouse.read("select opened_date from drift.episodes").iloc[0]

    before, after = turned.protocols
    assert deployed["run_id"] == turned.run_id
    assert before != after
    assert holdout["holdout_end"] > opened["opened_date"]


def test_challenger_and_champion_are_judged_on_the_same_rows(warehouse):
    rows = warehouse.read(
        "select learner, count(*) as n from ensemble.holdout"
        " where learner in ('stack', 'champion') group by learner"
    ).set_index("learner")["n"]
    line = warehouse.read("select * from gate.verdicts where criterion = 'champion'").iloc[0]

    assert rows["stack"] == rows["champion"] > 0
    assert line["detail"].count("paired with champion") == 1
    assert line["value"] == line["value"]


def test_the_ledger_tells_the_decisions_in_order(turned, warehouse):
    decisions = warehouse.read("select * from gate.decisions order by decision_id")
    first, second = turned.first_champion, turned.second_champion

    assert first != second
    assert list(zip(decisions["action"], decisions["model_version"], strict=True)) == [
        ("shadow", first),
        ("promote", first),
        ("shadow", second),
        ("promote", second),
        ("rollback", first),
    ]


def test_every_state_is_seen_in_the_ui(turned):
    shown = turned.shown

    assert shown["first retrain"]["verdict"] in ("promoted", "rejected", "undecided")
    assert (shown["ordinary week"]["open"], shown["episode"]["open"]) == ("0", "1")
    assert shown["episode"]["model in service"] == turned.first_champion
    assert shown["paired verdict"]["run"] == turned.run_id
    assert shown["closed episode"]["model in service"] == turned.second_champion
    assert (shown["closed episode"]["open"], shown["closed episode"]["closed"]) == ("0", "1")
    assert [shown[state]["action"] for state in ("first decision", "second decision")] == [
        "promote",
        "promote",
    ]
    assert shown["roll-back"]["action"] == "rollback"
    assert shown["roll-back"]["model_version"] == turned.first_champion


def test_a_demo_refuses_a_home_with_other_work(tmp_path):
    (tmp_path / "warehouse.duckdb").touch()

    with pytest.raises(InputError, match="other work"):
        demo_settings(tmp_path, SETTINGS, seed=7)

    assert not (tmp_path / SETTINGS_FILE).exists()
