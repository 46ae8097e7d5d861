"""The paper book, fault by fault: what it does, what it writes, and what it leaves alone."""

from datetime import timedelta

import pandas as pd
import pytest

from trading_pipeline.adapters.broker.kill_switch import kill_reason
from trading_pipeline.adapters.broker.trail import events_of_frame, frame_of_events
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands import paper_broker
from trading_pipeline.commands.paper_book import PATIENT_TICKS
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.domain.selloffs.book import fold
from trading_pipeline.settings import load_settings, validated
from trading_pipeline_tests.adapters.fake_broker import KEYS, FakeBroker, utc
from trading_pipeline_tests.adapters.paper_scenes import (
    TICK,
    Scene,
    alerts_of,
    bought,
    differences,
)

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def broker():
    with FakeBroker() as running:
        yield running


def later(scene, prices=None, by=TICK):
    scene.tick(scene.exchange.now + by, prices)


def kinds(scene):
    return [event.kind for event in scene.trail.events]


def submits(scene):
    return [event for event in scene.trail.events if event.kind == "submit"]


def assert_sound(scene):
    assert scene.problems + differences(scene.trail, scene.exchange, scene.foreign) == []


@pytest.mark.parametrize(("price", "gain"), [(103.5, 35.0), (97.5, -25.0)])
def test_a_position_ends_at_its_target_or_its_stop(broker, price, gain):
    scene = bought(broker)
    assert scene.exchange.protected("AAA") == 10.0
    later(scene, {"AAA": price})
    assert scene.exchange.positions == {}
    (trade,) = scene.book.book.trades.values()
    assert trade.realised_usd == pytest.approx(gain)
    assert f"realised {gain / 250:+.2f} R" in scene.book.lines()[0]
    assert_sound(scene)


def test_nothing_is_sent_before_the_entry_minute_and_the_intention_is_written_first(broker):
    scene = Scene(broker, utc("03-05T14:30"))
    at = utc("03-05T15:00")
    scene.exchange.advance(at, {"AAA": 100.0})
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
    scene.tick(at + TICK)
    assert kinds(scene)[0] == "intent"
    assert scene.exchange.orders == {}
    scene.tick(at + 3 * TICK)
    assert kinds(scene).index("intent") < kinds(scene).index("submit")
    assert len(scene.exchange.orders) == 1


@pytest.mark.parametrize("fault", ["drop before", "429", "500 before", "late"])
def test_an_order_that_did_not_arrive_is_asked_for_and_sent_once_more(broker, fault):
    scene = bought(broker, faults=[fault])
    assert not scene.book.is_settled
    later(scene)
    assert scene.book.is_settled
    assert sum(scene.exchange.n_accepted.values()) == 1
    assert scene.exchange.positions["AAA"][0] == 10.0
    assert_sound(scene)


@pytest.mark.parametrize("fault", ["drop after", "500 after", "slow after", "not json"])
def test_an_order_that_did_arrive_is_found_and_not_sent_again(broker, fault):
    scene = bought(broker, faults=[fault])
    later(scene)
    assert scene.book.is_settled
    assert len(submits(scene)) == 1
    assert_sound(scene)


def test_a_request_that_the_network_delivers_twice_is_one_order(broker):
    scene = bought(broker, faults=["delivered twice"])
    assert scene.exchange.positions["AAA"][0] == 10.0
    assert "answer" in kinds(scene)
    assert_sound(scene)


def test_a_late_entry_is_not_chased(broker):
    scene = bought(broker, faults=["drop before"] * 9)
    for _ in range(5):
        later(scene)
    assert scene.exchange.orders == {}
    assert scene.book.book.unfinished() == []
    assert any("entry minute is over" in str(e.payload) for e in scene.trail.events)


def test_an_entry_that_does_not_fill_in_its_minute_is_cancelled(broker):
    scene = bought(broker, parts=[0.0] * 9)
    for _ in range(4):
        later(scene)
    (order,) = scene.exchange.orders.values()
    assert order["status"] == "canceled"
    assert_sound(scene)


def test_a_half_filled_entry_keeps_what_it_has_under_its_own_stop(broker):
    scene = bought(broker, parts=[0.5])
    assert scene.book.is_settled
    assert scene.exchange.positions["AAA"][0] == 5.0
    assert scene.exchange.protected("AAA") == 5.0
    assert any("5 from 100.00" in line and "protected" in line for line in scene.book.lines())
    later(scene, {"AAA": 97.0})
    assert scene.exchange.positions == {}
    assert_sound(scene)


def test_a_stop_that_is_refused_ends_the_position(broker):
    scene = Scene(broker, utc("03-05T14:30"))
    at = utc("03-05T15:00")
    scene.exchange.shares_of_fill["AAA", "buy"] = [0.5]
    scene.exchange.refused["AAA", "oco"] = 1
    scene.exchange.advance(at, {"AAA": 100.0})
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
    scene.tick(at + 3 * TICK)
    assert scene.exchange.positions == {}
    assert "flatten" in kinds(scene)
    assert_sound(scene)


def test_a_refused_entry_ends_there(broker):
    scene = Scene(broker, utc("03-05T14:30"))
    at = utc("03-05T15:00")
    scene.exchange.refused["AAA", "bracket"] = 1
    scene.exchange.advance(at, {"AAA": 100.0})
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
    for n in range(3, 6):
        scene.tick(at + n * TICK)
    assert len(submits(scene)) == 1
    assert scene.book.book.unfinished() == []


def test_the_kill_switch_cancels_closes_and_opens_nothing_until_it_is_lifted(broker):
    scene = bought(broker)
    scene.kill = "enough"
    later(scene)
    assert scene.exchange.positions == {}
    now = scene.exchange.now
    scene.alert(alerts_of(("BBB", now, 9.8, 10.3, 10)), now)
    assert "kill switch: enough" in next(iter(scene.book.book.declined.values()))
    assert any("halted" in line for line in scene.book.lines())
    scene.kill = ""
    later(scene)
    assert scene.book.book.halted(scene.hours.session_date) == ""
    assert_sound(scene)


def test_a_lost_day_opens_nothing_new_and_keeps_its_stops(broker):
    scene = bought(broker, shares=400)
    later(scene, {"AAA": 98.05})
    assert "R are lost" in scene.book.book.halted(scene.hours.session_date)
    assert scene.exchange.protected("AAA") == 400.0
    now = scene.exchange.now
    scene.alert(alerts_of(("BBB", now, 9.8, 10.3, 10)), now)
    assert "halted" in next(iter(scene.book.book.declined.values()))
    assert_sound(scene)


def test_too_many_faults_in_a_row_open_nothing_new_and_the_watch_goes_on(broker):
    scene = bought(broker)
    broker.next_fault = lambda *_: "drop before"
    for _ in range(6):
        later(scene)
    assert "faults in a row" in scene.book.book.halted(scene.hours.session_date)
    broker.next_fault = lambda *_: None
    scene.tick(scene.hours.closes_at - scene.rules.flatten)
    assert scene.exchange.positions == {}
    assert_sound(scene)


@pytest.mark.parametrize("opens", ["03-05T14:30", "07-03T13:30"])
def test_every_position_is_closed_before_the_close_of_full_and_half_days(broker, opens):
    scene = bought(broker, opens=opens)
    scene.tick(scene.hours.closes_at - scene.rules.flatten - TICK)
    assert scene.exchange.positions["AAA"][0] == 10.0
    scene.tick(scene.hours.closes_at - scene.rules.flatten)
    assert scene.exchange.positions == {}
    assert_sound(scene)


def test_a_close_that_the_broker_moved_forward_is_believed(broker):
    scene = Scene(broker, utc("03-05T14:30"))
    scene.exchange.closes_at -= HOUR
    at = utc("03-05T15:00")
    scene.exchange.advance(at, {"AAA": 100.0})
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
    scene.tick(at + 3 * TICK)
    assert scene.exchange.positions
    scene.tick(scene.exchange.closes_at - scene.rules.flatten)
    assert scene.exchange.positions == {}


def test_a_blocked_account_and_a_session_that_is_not_held_open_nothing(broker):
    for spoil in ({"account": {"trading_blocked": True}}, {"is_dark": True}):
        scene = Scene(broker, utc("03-05T14:30"))
        vars(scene.exchange).update(spoil)
        at = utc("03-05T15:00")
        scene.exchange.advance(at, {"AAA": 100.0})
        scene.tick(at)
        scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
        scene.tick(at + 3 * TICK)
        assert scene.exchange.orders == {}
        assert scene.book.is_settled


def test_a_position_left_from_an_earlier_session_is_closed_at_the_next_open(broker):
    scene = bought(broker)
    next_day = utc("03-06T14:30")
    scene.exchange.closes_at = utc("03-06T21:00")
    scene.hours = None
    scene.exchange.advance(next_day)
    scene.book.tick(next_day)
    assert scene.book.is_settled
    assert scene.exchange.positions == {}
    assert differences(scene.trail, scene.exchange, {}) == []


def test_shares_that_are_not_ours_are_told_and_never_touched(broker):
    scene = bought(broker)
    scene.foreign["HAND"] = 7.0
    scene.exchange.outsider("HAND", 7.0, 50.0)
    for _ in range(PATIENT_TICKS):
        later(scene)
    assert "not ours, left alone: 7 HAND" in scene.book.lines()
    now = scene.exchange.now
    scene.alert(alerts_of(("HAND", now, 49.0, 52.0, 5)), now)
    assert "not ours" in next(iter(scene.book.book.declined.values()))
    scene.tick(scene.hours.closes_at - scene.rules.flatten)
    assert scene.exchange.positions == {"HAND": (7.0, 50.0)}


def test_shares_sold_by_someone_else_are_believed_gone_only_when_it_lasts(broker):
    scene = bought(broker)
    scene.exchange.outsider("AAA", -10.0, 100.0)
    later(scene)
    assert not scene.book.is_settled
    assert scene.book.book.held() == {"AAA": 10.0}
    for _ in range(PATIENT_TICKS + 1):
        later(scene)
    assert scene.book.book.held() == {}
    assert scene.exchange.live("AAA") == []
    assert scene.exchange.lowest == 0.0


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("n_appends", range(1, 9))
def test_a_kill_at_any_write_loses_and_doubles_nothing(broker, when, n_appends):
    scene = Scene(broker, utc("03-05T14:30"))
    at = utc("03-05T15:00")
    scene.trail.kill_at[n_appends] = when
    scene.exchange.shares_of_fill["AAA", "buy"] = [0.5]
    scene.exchange.advance(at, {"AAA": 100.0})
    alerts = alerts_of(("AAA", at, 98.0, 103.0, 10))
    scene.alert(alerts, at)
    for n in range(1, 7):
        scene.tick(at + n * TICK)
    scene.tick(scene.hours.closes_at - scene.rules.flatten)
    scene.tick(scene.hours.closes_at + TICK)
    assert scene.finish() == []


def test_an_alert_told_twice_is_traded_once(broker):
    scene = bought(broker)
    scene.alert(alerts_of(("AAA", utc("03-05T15:00"), 98.0, 103.0, 10)), scene.exchange.now)
    later(scene)
    assert scene.exchange.positions["AAA"][0] == 10.0
    assert_sound(scene)


def test_a_trail_that_cannot_be_written_sends_nothing_and_forgets_nothing(broker):
    scene = Scene(broker, utc("03-05T14:30"))
    at = utc("03-05T15:00")
    scene.exchange.advance(at, {"AAA": 100.0})
    append = scene.trail.append

    def busy(events):
        if events:
            raise WarehouseBusyError("the warehouse is held by process 7")

    scene.trail.append = busy
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, 10)), at)
    scene.tick(at + 3 * TICK)
    assert scene.exchange.orders == {}
    assert "process 7" in scene.book.lines()[-1]
    scene.trail.append = append
    later(scene)
    assert scene.exchange.positions["AAA"][0] == 10.0


def test_a_quiet_watch_writes_nothing(broker):
    scene = bought(broker)
    n = len(scene.trail.events)
    for _ in range(3):
        later(scene)
    assert len(scene.trail.events) == n


def test_a_trail_with_a_hole_is_refused(broker):
    scene = bought(broker)
    with pytest.raises(ValueError, match="event 4 follows 2"):
        fold([event for event in scene.trail.events if event.sequence != 3])
    assert events_of_frame(frame_of_events(scene.trail.events)) == tuple(scene.trail.events)


def config_with(**broker):
    tree = load_settings(environment={}).model_dump()
    tree["broker"] |= broker
    return validated(tree)


@pytest.fixture
def keys(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("keys")
def test_a_home_trades_through_its_warehouse_and_stops_at_a_word(broker, tmp_path):
    home = tmp_path
    warehouse = Warehouse(home, threads=1)
    warehouse.migrate()
    scene = Scene(broker, utc("03-05T14:30"))
    config = config_with(enabled=True, base_url=broker.url, timeout_seconds=2)
    assert not paper_broker.is_traded(config_with(), "live")
    assert not paper_broker.is_traded(config, "replay")
    assert paper_broker.is_traded(config, "live")
    book = paper_broker.open_paper_book(config, home, warehouse)
    with pytest.raises(WarehouseBusyError):
        paper_broker.open_paper_book(config, home, warehouse)
    at = utc("03-05T15:00")
    scene.exchange.advance(at, {"AAA": 100.0})
    book.on_alerts(alerts_of(("AAA", at, 98.0, 103.0, 10)), pd.Timestamp(at))
    book.tick(pd.Timestamp(at + 3 * TICK), {"AAA": 100.5})
    assert book.is_settled, book.lines()
    book.close(pd.Timestamp(at + 4 * TICK))
    assert scene.exchange.positions["AAA"][0] == 10.0
    lines = []
    stop = at + 5 * TICK
    paper_broker.stop_trading(
        home, "enough", lambda: config, lines.append, lambda: stop, lambda _: None
    )
    assert scene.exchange.positions == {}
    assert any("kill switch: enough" in line for line in lines)
    again = paper_broker.open_paper_book(config, home, warehouse)
    assert again.book.held() == {}
    again.close(at + 6 * TICK)


@pytest.mark.usefixtures("keys")
def test_a_live_host_in_the_settings_is_refused_before_anything_is_held(tmp_path):
    config = config_with(enabled=True, base_url="https://api.alpaca.markets")
    with pytest.raises(InputError, match="paper-api"):
        paper_broker.open_paper_book(config, tmp_path, None)
    assert not (tmp_path / "scan").exists()


def test_the_kill_switch_is_pulled_even_where_no_settings_can_be_read(tmp_path):
    def unreadable():
        raise InputError("no settings")

    with pytest.raises(InputError, match="no settings"):
        paper_broker.stop_trading(tmp_path, "enough", unreadable, print)
    assert kill_reason(tmp_path) == "enough"
    said = []
    paper_broker.stop_trading(tmp_path, "enough", config_with, said.append)
    assert "broker.enabled is false" in said[-1]


def test_a_kill_switch_for_a_home_that_is_not_there_is_refused_and_promises_nothing(tmp_path):
    said = []
    with pytest.raises(InputError, match=r"no home .*nothing was ended; give the scanner's --home"):
        paper_broker.stop_trading(tmp_path / "typo", "enough", config_with, said.append)
    assert said == []
    assert not (tmp_path / "typo").exists()
