"""The checks of the paper trail pass what the book writes, and return what was spoiled."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.adapters.broker.trail import frame_of_events
from trading_pipeline_tests.adapters.fake_broker import FakeBroker
from trading_pipeline_tests.adapters.paper_scenes import TICK, bought

ROOT = Path(__file__).parents[2]
CHECKS = {
    path.stem: path.read_text() for path in sorted((ROOT / "sql/checks").glob("order_events_*.sql"))
}
NUMBERED, MEANT, ASKED = (
    "order_events_are_numbered",
    "order_events_submits_were_meant",
    "order_events_resends_were_asked",
)


@pytest.fixture(scope="module")
def trail():
    """The trail of a day in which an order was sent twice."""
    with FakeBroker() as broker:
        scene = bought(broker, faults=["drop before"])
        scene.tick(scene.exchange.now + TICK)
        scene.tick(scene.exchange.now + TICK, {"AAA": 97.0})
    frame = frame_of_events(scene.trail.events)
    sent = frame[frame["kind"] == "submit"]
    assert sent["client_order_id"].duplicated().any()
    return frame


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 1}) as opened:
        opened.execute("set timezone = 'UTC'; create schema selloffs")
        opened.execute((ROOT / "sql/migrations/0035_selloff_orders.sql").read_text())
        yield opened


def failing(connection, frame):
    connection.execute("delete from selloffs.order_events")
    connection.register("given", frame)
    connection.execute("insert into selloffs.order_events by name select * from given")
    return {name for name, check in CHECKS.items() if connection.execute(check).fetchall()}


def renumbered(frame):
    return frame.assign(sequence=range(1, len(frame) + 1))


def test_a_written_trail_and_an_empty_one_pass(connection, trail):
    assert set(CHECKS) == {NUMBERED, MEANT, ASKED}
    assert failing(connection, trail) == set()
    assert failing(connection, trail.iloc[:0]) == set()


def test_a_gap_a_double_and_a_clock_that_runs_back_are_returned(connection, trail):
    assert NUMBERED in failing(connection, trail.drop(index=3))
    assert NUMBERED in failing(connection, pd.concat([trail, trail.iloc[[5]]]))
    early = trail["happened_at"].mask(trail["sequence"] == 9, pd.Timestamp("2020", tz="UTC"))
    assert failing(connection, trail.assign(happened_at=early)) == {NUMBERED}


def test_an_order_that_was_not_meant_is_returned(connection, trail):
    entry = trail.index[trail["kind"] == "submit"][0]
    order = trail.loc[entry, "client_order_id"]
    without = trail[(trail["kind"] != "intent") | (trail["client_order_id"] != order)]
    assert failing(connection, renumbered(without)) == {MEANT}
    more = trail["quantity"].mask(trail.index == entry, 1e6)
    assert failing(connection, trail.assign(quantity=more)) == {MEANT}


def test_an_order_sent_again_unasked_is_returned(connection, trail):
    asked = (trail["kind"] == "observed") & (trail["status"] == "absent")
    assert failing(connection, renumbered(trail[~asked])) == {ASKED}
