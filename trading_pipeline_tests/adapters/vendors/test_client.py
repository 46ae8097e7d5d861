"""A request is asked again while that can help, never for longer than allowed; keys stay secret."""

import json
import logging
import time
import traceback
from urllib.parse import quote

import pytest

from trading_pipeline.adapters.vendors import client as client_module
from trading_pipeline.adapters.vendors.client import VendorRefusedError
from trading_pipeline.contracts.errors import (
    InputError,
    VendorAnswerError,
    VendorDeadlineError,
    VendorError,
)
from trading_pipeline.contracts.vendors import Call
from trading_pipeline_tests.adapters.vendors.scenes import KEYS, Scene, days

CALL = Call("/v2/stocks/bars", (("symbols", "AAA"), ("start", "2024-02-01"), ("end", "2024-02-02")))
SPAN = days("2024-02-01", "2024-02-29")


def readable(body):
    """Return the JSON of a body."""
    try:
        return json.loads(body)
    except ValueError:
        raise VendorAnswerError(f"no JSON: {body[:30]!r}") from None


def ask(scene, deadline=None, call=CALL, read=readable):
    with scene.client(deadline) as client:
        return client.get(call, read)


def faults(script, *names):
    """Let the first arrivals meet these faults, and the others none."""
    script.fault = lambda asked: names[asked.number] if asked.number < len(names) else None


@pytest.mark.parametrize(
    "fault", ["429", "500", "503", "reset", "truncated", "not json", "half json"]
)
def test_a_fault_that_may_pass_is_asked_again(scene, script, fault):
    faults(script, fault, fault)
    assert "bars" in ask(scene).content
    assert len(script.arrivals) == 3
    first, second = scene.warp.slept
    assert 0.5 <= first <= 1.0 <= second <= 2.0


@pytest.mark.parametrize("fault", ["time-out", "slow body"])
def test_an_answer_that_takes_too_long_is_cut_off(tmp_path, server, script, fault):
    scene = Scene(tmp_path, server.url, timeout_seconds=0.3, max_attempts=1)
    faults(script, fault)
    begun = time.monotonic()
    with pytest.raises(VendorError, match=r"no whole answer within 0\.3 s"):
        ask(scene)
    assert 0.25 < time.monotonic() - begun < 1.2
    assert "bars" in ask(scene).content


@pytest.mark.parametrize(("fault", "seconds"), [("429 after seconds", 37), ("429 after date", 40)])
def test_a_vendor_that_names_a_wait_gets_it(scene, script, fault, seconds):
    script.retry_after = lambda: seconds
    faults(script, fault)
    ask(scene)
    assert seconds - 1 <= sum(scene.warp.slept) <= seconds + 2
    assert script.arrivals[1].at - script.arrivals[0].at >= seconds - 1


@pytest.mark.parametrize("value", ["", "soon", "-5", "nan", "1e400", "Wed, 99 Foo 2026"])
def test_a_wait_that_makes_no_sense_is_none(scene, value):
    with scene.client() as client:
        wait = client._retry_after(client_module.httpx.Headers({"retry-after": value}))
    assert wait == 0.0


def test_a_wait_beyond_the_deadline_ends_the_fetch_at_once(scene, script):
    script.retry_after = lambda: 500
    faults(script, "429 after seconds")
    with pytest.raises(VendorDeadlineError, match="500 s"):
        ask(scene, deadline=100)
    assert scene.warp.slept == []
    assert len(script.arrivals) == 1


def test_a_request_never_outlives_the_deadline(scene, script):
    faults(script, "slow body")
    begun = time.monotonic()
    with pytest.raises(VendorDeadlineError):
        ask(scene, deadline=0.4)
    assert time.monotonic() - begun < 1.4


def test_waits_grow_to_the_limit_with_jitter(scene, script):
    faults(script, *["500"] * 8)
    with pytest.raises(VendorError, match="failed 8 times"):
        ask(scene)
    tops = [1, 2, 4, 8, 16, 32, 60]
    assert all(top / 2 <= wait <= top for top, wait in zip(tops, scene.warp.slept, strict=True))
    assert len({wait / top for top, wait in zip(tops, scene.warp.slept, strict=True)}) == 7


def test_an_answer_that_stays_unreadable_is_an_answer_error(scene, script):
    faults(script, *["not json"] * 8)
    with pytest.raises(VendorAnswerError, match="having a rest"):
        ask(scene)


@pytest.mark.parametrize("fault", ["401", "403"])
def test_a_refused_key_names_its_variables(scene, script, fault):
    faults(script, fault)
    with pytest.raises(InputError, match="APCA_API_KEY_ID and APCA_API_SECRET_KEY"):
        ask(scene)
    assert len(script.arrivals) == 1


@pytest.mark.parametrize("fault", ["400", "404", "422"])
def test_a_refused_call_is_not_asked_again(scene, script, fault):
    faults(script, fault)
    with pytest.raises(VendorRefusedError, match=f"scripted {fault}"):
        ask(scene)
    assert len(script.arrivals) == 1


def test_a_redirect_is_not_followed(scene, script):
    faults(script, "302")
    with pytest.raises(VendorRefusedError, match="redirect"):
        ask(scene)


def test_a_body_without_end_is_refused(scene, script, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_BODY_BYTES", 1000)
    script.bodies = lambda _: b"{" + b" " * 2000 + b"}"
    with pytest.raises(VendorRefusedError, match="page_limit"):
        ask(scene)


def test_a_vendor_that_is_not_there_is_a_vendor_error(scene):
    gone = Scene(scene.store.folder, "http://127.0.0.1:9", clock=scene.warp, max_attempts=2)
    with pytest.raises(VendorError, match="failed 2 times, at last: ConnectError"):
        ask(gone)


def test_without_a_network_the_fetch_ends_in_seconds(scene):
    gone = Scene(scene.store.folder, "http://127.0.0.1:9", clock=scene.warp)
    with pytest.raises(VendorError, match=r"failed 4 times, at last: ConnectError.*network"):
        ask(gone)
    assert sum(scene.warp.slept) <= 7


def test_a_vendor_that_answered_before_is_waited_for(scene):
    with scene.client() as client:
        client.get(CALL, readable)
        client._http.base_url = "http://127.0.0.1:9"
        with pytest.raises(VendorError, match="failed 8 times, at last: ConnectError"):
            client.get(CALL, readable)


class AskedByParameter:
    """A vendor that wants its key in the address, as some do."""

    name = "fred"
    key_variables = ("FRED_API_KEY",)
    datasets = frozenset()

    def __init__(self, inner, key):
        self.base_url = inner.base_url
        self.key = key
        self.inner = inner

    def secrets(self):
        return self.inner.secrets()

    def secret_params(self):
        return {"api_key": self.key}

    def first_call(self, wanted):
        return self.inner.first_call(wanted)

    def parse(self, wanted, call, body):
        return self.inner.parse(wanted, call, body)


@pytest.mark.parametrize("fault", [None, "401", "422", "500", "not json", "reset", "time-out"])
def test_keys_are_sent_and_stand_nowhere_else(tmp_path, server, script, caplog, fault):
    """Not in the ledger, the bodies, the logs or an error, even where the vendor repeats them."""
    key = "f/r+e=d&key 0123456789"
    scene = Scene(tmp_path / "home", server.url, timeout_seconds=0.3, max_attempts=2)
    scene.vendor = AskedByParameter(scene.vendor, key)
    secrets = [key, quote(key, safe=""), *list(KEYS.values())[:2]]
    if fault:
        script.fault = lambda _: fault
    else:
        echo = {"bars": {}, "next_page_token": None, "you": [key, quote(key, safe=""), *secrets]}
        script.bodies = lambda _: json.dumps(echo).encode()
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    try:
        wanted = scene.plan(["AAA"], *SPAN)
        if fault is None:
            scene.fetch(wanted)
            shown = ""
        else:
            with pytest.raises((InputError, VendorError)) as caught:
                scene.fetch(wanted)
            shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value))
    finally:
        logging.getLogger("httpx").setLevel(logging.NOTSET)
    (asked, *_) = script.arrivals
    assert asked.params["api_key"] == key
    assert asked.headers["apca-api-secret-key"] == KEYS["APCA_API_SECRET_KEY"]
    ledger = scene.store.ledger.read_text() if scene.store.ledger.exists() else ""
    bodies = "".join(body.decode() for _, body in scene.store.pages("alpaca", "minute"))
    assert bool(bodies) == (fault is None)
    for text in (shown, ledger, bodies, caplog.text):
        assert not [secret for secret in secrets if secret in text]


def test_a_link_with_the_key_is_kept_without_it(scene):
    scene.vendor = AskedByParameter(scene.vendor, "abcdef0123456789")
    link = Call("/v2/x", (("cursor", "c1"), ("api_key", "abcdef0123456789")))
    with scene.client() as client:
        assert client.without_keys(link) == Call("/v2/x", (("cursor", "c1"),))
