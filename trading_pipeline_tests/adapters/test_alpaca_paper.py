"""The paper client: paper hosts only, keys unseen, the vendor's words read, silence no refusal."""

import json
import logging
from datetime import timedelta

import httpx
import pytest

from trading_pipeline.adapters.broker.alpaca_paper import AlpacaPaper
from trading_pipeline.adapters.broker.kill_switch import (
    kill_reason,
    lift_kill_switch,
    pull_kill_switch,
)
from trading_pipeline.adapters.broker.paper_host import PAPER_URL, paper_url
from trading_pipeline.adapters.broker.trail import WarehouseTrail
from trading_pipeline.contracts.broker import (
    BrokerFaultError,
    BrokerRefusedError,
    DuplicateOrderError,
    OrderRequest,
    TrailEvent,
)
from trading_pipeline.contracts.errors import InputError
from trading_pipeline_tests.adapters.fake_broker import KEYS, SAMPLES, Exchange, FakeBroker, utc

OPENS, CLOSES = utc("03-05T14:30"), utc("03-05T21:00")
BRACKET = OrderRequest("tp-1", "AAA", "buy", 10, "bracket", "limit", 102.99, 103.0, 98.0)


@pytest.fixture
def exchange():
    made = Exchange(OPENS, CLOSES)
    made.prices = {"AAA": 100.0}
    return made


@pytest.fixture
def fake(exchange):
    with FakeBroker(exchange) as running:
        yield running


@pytest.fixture
def client(fake):
    made = AlpacaPaper(fake.url, KEYS, 0.5)
    yield made
    made.close()


def answering(status, body, headers=None):
    """Return a client whose every request is answered alike."""
    client = AlpacaPaper("http://127.0.0.1:9", KEYS, 0.5)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    client._http = httpx.Client(
        base_url="http://127.0.0.1:9",
        transport=httpx.MockTransport(
            lambda _: httpx.Response(status, content=content, headers=headers)
        ),
    )
    return client


@pytest.mark.parametrize(
    "url",
    [
        "https://api.alpaca.markets",
        "https://api.alpaca.markets/v2",
        "http://paper-api.alpaca.markets",
        "https://paper-api.alpaca.markets.evil.test",
        "https://paper-api.alpaca.markets@api.alpaca.markets",
        "https://user:pass@paper-api.alpaca.markets",
        "https://paper-api.alpaca.markets:8443",
        "https://paper-api.alpaca.markets/live",
        "https://broker-api.alpaca.markets",
        "http://127.0.0.1.evil.test",
        "http://192.168.0.7",
        "http://[::2]",
        "ftp://127.0.0.1",
        "https://paper-api.alpaca.markets\\@api.alpaca.markets",
        "http://[",
        "",
    ],
)
def test_every_host_but_paper_and_this_machine_is_refused_with_the_remedy(url):
    with pytest.raises(InputError, match=f"set it to {PAPER_URL}"):
        AlpacaPaper(url, KEYS, 1.0)


@pytest.mark.parametrize(
    "url",
    [PAPER_URL, PAPER_URL + "/", "https://PAPER-API.alpaca.markets:443", "http://127.0.0.1:80"],
)
def test_paper_and_loopback_are_taken(url):
    assert paper_url(url) == url.rstrip("/")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_a_live_host_is_not_followed(status):
    client = answering(status, b"", {"location": "https://api.alpaca.markets/v2/orders"})
    with pytest.raises(InputError, match=r"api\.alpaca\.markets.*not followed"):
        client.submit(BRACKET)


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match="APCA_API_SECRET_KEY"):
        AlpacaPaper(PAPER_URL, {"APCA_API_KEY_ID": "PK"}, 1.0)


def test_keys_reach_the_broker_and_nothing_else(fake, client, caplog):
    caplog.set_level(logging.DEBUG)
    client.account()
    assert fake.headers["APCA-API-KEY-ID"] == KEYS["APCA_API_KEY_ID"]
    said = str(KEYS["APCA_API_SECRET_KEY"])
    with pytest.raises(BrokerRefusedError) as caught:
        answering(403, {"message": f"key {said} may not"}).submit(BRACKET)
    ours = [
        r.getMessage() for r in caplog.records if not r.name.startswith(("httpcore", "asyncio"))
    ]
    assert said not in str(caught.value) + "".join(ours)
    assert "[key]" in str(caught.value)


def test_an_order_is_read_back_with_its_legs(client, exchange):
    sent = client.submit(BRACKET)
    assert (sent.status, sent.filled_quantity, sent.filled_price) == ("filled", 10.0, 100.0)
    assert {leg.order_type for leg in sent.legs} == {"limit", "stop"}
    assert client.order("tp-1") == sent
    assert client.orders(OPENS - timedelta(hours=1)) == (sent,)
    assert [one.client_order_id for one in client.open_orders()] == ["tp-1"]
    (held,) = client.positions()
    assert (held.symbol, held.quantity, held.entry_price) == ("AAA", 10.0, 100.0)
    assert client.clock().next_close == CLOSES
    assert not client.account().is_blocked
    assert exchange.protected("AAA") == 10.0


def test_closing_a_position_can_be_asked_for_by_its_id(client):
    client.submit(OrderRequest("b", "AAA", "buy", 4, "bracket", "limit", 102.0, 103.0, 98.0))
    (stop,) = [leg for leg in client.order("b").legs if leg.order_type == "stop"]
    with pytest.raises(BrokerRefusedError, match="insufficient qty"):
        client.close_position("x-0", "AAA", 4)
    client.cancel(stop.broker_order_id)
    client.cancel(stop.broker_order_id)
    client.cancel("never-seen")
    assert client.close_position("x-1", "AAA", 4).status == "filled"
    assert client.order("x-1").side == "sell"
    assert client.positions() == ()


def test_an_id_that_is_there_already_is_told_apart_from_a_refusal(client):
    client.submit(BRACKET)
    with pytest.raises(DuplicateOrderError):
        client.submit(BRACKET)
    assert client.order("tp-2") is None


def test_a_list_longer_than_a_page_is_read_whole(client, exchange, monkeypatch):
    monkeypatch.setattr("trading_pipeline.adapters.broker.alpaca_paper.PAGE", 3)
    for n in range(8):
        client.submit(OrderRequest(f"o{n}", "AAA", "buy", 1, "simple", "market"))
        exchange.advance(exchange.now + timedelta(seconds=1))
    found = client.orders(OPENS - timedelta(hours=1))
    assert [order.client_order_id for order in found] == [f"o{n}" for n in range(8)]


@pytest.mark.parametrize("fault", ["drop before", "drop after", "500 after", "429", "not json"])
def test_an_answer_that_does_not_come_is_a_fault_and_no_refusal(client, fake, fault):
    fake.next_fault = lambda *_: fault
    with pytest.raises(BrokerFaultError):
        client.submit(BRACKET)


def test_a_second_answer_is_never_read_as_the_next_one(client, fake):
    fake.next_fault = lambda *_: "twice"
    client.submit(BRACKET)
    assert client.clock().is_open
    assert client.order("tp-2") is None


def test_the_answer_of_another_order_is_a_fault():
    sample = {"id": "1", "client_order_id": "else", "symbol": "A", "side": "buy", "status": "new"}
    with pytest.raises(BrokerFaultError, match="the answer is of else"):
        answering(200, sample | {"type": "limit", "qty": "1"}).submit(BRACKET)
    with pytest.raises(BrokerFaultError):
        answering(200, {"id": "1"}).submit(BRACKET)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, BrokerRefusedError), (401, InputError), (403, BrokerRefusedError)],
)
def test_a_plain_no_is_a_refusal(status, error):
    with pytest.raises(error):
        answering(status, {"message": "no"}).submit(BRACKET)


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("test_order_*/*.json")))
def test_every_order_of_the_samples_is_read(name):
    sample = json.loads((SAMPLES / "test_order_routes" / f"{name}.json").read_text())
    bodies = sample["body"] if isinstance(sample["body"], list) else [sample["body"]]
    orders = [body for body in bodies if "symbol" in body]
    found = answering(200, orders)._listed({})
    assert [one.broker_order_id for one in found] == [body["id"] for body in orders]
    assert all(one.symbol.isalpha() for one in found)


def test_positions_and_account_of_the_samples_are_read():
    if not SAMPLES.exists():
        pytest.skip("needs ../shared/vendor_samples")
    bodies = {
        name: json.loads((SAMPLES / name).read_text())["body"]
        for name in (
            "test_position_routes/get_all_positions.json",
            "test_account_routes/get_account.json",
        )
    }
    positions, account = bodies.values()
    (held,) = answering(200, positions).positions()
    assert (held.symbol, held.quantity, held.current_price) == ("AAPL", 5.0, 120.0)
    assert answering(200, account).account().equity_usd == 103820.56


def test_the_kill_switch_lies_in_the_home_until_it_is_lifted(tmp_path):
    assert kill_reason(tmp_path) == ""
    assert not lift_kill_switch(tmp_path)
    path = pull_kill_switch(tmp_path, "enough")
    assert kill_reason(tmp_path) == "enough"
    path.write_text("")
    assert kill_reason(tmp_path) == "no reason given"
    assert lift_kill_switch(tmp_path)
    assert kill_reason(tmp_path) == ""


def test_the_trail_comes_back_as_it_was_written(warehouse):
    trail = WarehouseTrail(warehouse)
    events = (
        TrailEvent(1, OPENS, OPENS.date(), "halt", status="kill", payload={"reason": "x"}),
        TrailEvent(
            2, OPENS, OPENS.date(), "submit", "AAA", "a", "c", "b", "new", "buy", 3.0, 1.0, 9.5
        ),
    )
    trail.append(events[:1])
    trail.append(())
    trail.append(events[1:])
    assert trail.read() == events
