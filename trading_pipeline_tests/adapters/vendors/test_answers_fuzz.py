"""Whatever a vendor, a proxy or a broken line sends: a page of sound rows, or one typed error."""

import json
import random
from pathlib import PurePosixPath

import numpy as np
import pytest

from trading_pipeline.contracts.errors import VendorAnswerError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS, Call, Page
from trading_pipeline_tests.adapters.vendors.vendor_answers import (
    KEYS,
    SAMPLES,
    vendor,
    wanted,
)

DAY = "2024-03-08"
MS = 1709874000000
BAR = {"o": 1, "h": 2.5, "l": 0.5, "c": 2, "v": 10, "n": 3, "vw": 1.5}
HEAD = {"status": "OK", "ticker": "AAPL", "adjusted": False, "resultsCount": 2}
ARTICLE = {
    "id": 7, "headline": "h", "summary": "s", "source": "x", "symbols": ["AAPL", "MSFT"],
    "created_at": f"{DAY}T15:00:00Z", "updated_at": f"{DAY}T15:00:00Z",
}  # fmt: skip
STORY = {
    "id": "a", "title": "t", "description": "d", "publisher": {"name": "p"}, "tickers": ["AAPL"],
    "published_utc": f"{DAY}T15:00:00Z",
}  # fmt: skip
SPLIT = {"ticker": "AAPL", "execution_date": DAY, "split_from": 1, "split_to": 4}
DIVIDEND = {
    "ticker": "AAPL", "ex_dividend_date": DAY, "declaration_date": "2024-02-01",
    "cash_amount": 0.24, "currency": "USD",
}  # fmt: skip
LISTED = {"ticker": "AAPL", "name": "Apple", "type": "CS", "active": True}
QUOTE = {"sip_timestamp": MS * 10**6, "bid_price": 1, "ask_price": 2, "bid_size": 3, "ask_size": 4}
OPTION = {"ticker": "O:AAPL240315C00180000", "underlying_ticker": "AAPL"}
ACTIONS = {
    "forward_splits": [{"symbol": "AAPL", "ex_date": DAY, "new_rate": 4, "old_rate": 1}],
    "cash_dividends": [{"symbol": "AAPL", "ex_date": DAY, "rate": 0.24}],
    "stock_dividends": [{"symbol": "AAPL", "ex_date": DAY, "rate": 0.05}],
    "unit_splits": [
        {
            "old_symbol": "AAPL", "new_symbol": "B", "effective_date": DAY, "new_rate": 1,
            "old_rate": 1,
        }
    ],
}  # fmt: skip
NEXT = "https://api.massive.com/v3/quotes/AAPL?cursor=abc"


def alpaca(name, rows):
    return {name: {"AAPL": rows}, "next_page_token": "QUFQTHxN"}


def results(*rows, **more):
    return {"status": "OK", "results": list(rows), **more}


def aggregates(ticker="AAPL"):
    return {**HEAD, "ticker": ticker, "results": [{**BAR, "t": MS}, {**BAR, "t": MS}]}


# Vendor, dataset, call (None: the first) and a sound answer to it.
SOUND = [
    ("alpaca", "daily", None, alpaca("bars", [{**BAR, "t": f"{DAY}T05:00:00Z"}] * 2)),
    ("alpaca", "minute", None, alpaca("bars", [{**BAR, "t": f"{DAY}T15:31:00Z"}] * 2)),
    (
        "alpaca", "quotes", None,
        alpaca("quotes", [{"t": f"{DAY}T15:31:00.123Z", "bp": 1, "bs": 2, "ap": 3, "as": 4}]),
    ),
    ("alpaca", "news", None, {"news": [ARTICLE, ARTICLE], "next_page_token": None}),
    ("alpaca", "corporate_actions", None, {"corporate_actions": ACTIONS, "next_page_token": None}),
    ("alpaca", "calendar", None, [{"date": DAY, "open": "09:30", "close": "16:00"}]),
    ("massive", "daily", None, aggregates()),
    ("massive", "minute", None, aggregates()),
    ("massive", "quotes", None, results(QUOTE, QUOTE, next_url=NEXT)),
    ("massive", "news", None, results(STORY, STORY)),
    ("massive", "corporate_actions", None, results(SPLIT, SPLIT)),
    ("massive", "corporate_actions", Call("/v3/reference/dividends"), results(DIVIDEND)),
    ("massive", "tickers", None, results(LISTED, {**LISTED, "delisted_utc": f"{DAY}T05:00:00Z"})),
    ("massive", "options", None, results(OPTION, OPTION)),
    (
        "massive", "options", Call(f"/v2/aggs/ticker/{OPTION['ticker']}/range/1/day/a/b"),
        aggregates(OPTION["ticker"]),
    ),
    (
        "fred", "macro", None,
        {"count": 2, "offset": 0, "observations": [{"date": DAY, "value": "4.1"}, {"value": "."}]},
    ),
    ("cboe", "vix", None, "DATE,OPEN,HIGH,LOW,CLOSE\r\n03/08/2024,14.1,15.0,14.0,14.7\r\n"),
]  # fmt: skip
STRANGE = [
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 5e-324, 10**18, 10**19, 10**400, 2**63,
    -(2**63) - 1, MS, MS * 10**6, "", " ", "x", "1", "1e5", "NaN", "AAPL", "MSFT", "null", "\x00",
    "\ud800", "é", "٣", "𝟙", "\u202e", "a" * 5000, "2024-02-30", "0000-00-00", "9999-12-31", DAY,
    f"{DAY}T25:00:00Z", f"{DAY}T15:00:00.1234567890Z", f"{DAY}T15:00:60Z", "2024-03-08T::::::::Z",
    "2024-03-10T02:30:00Z", [], {}, [[]], [None], {"AAPL": None}, {"AAPL": [{}]}, [{}],
    "https://[", "//", "https://x/v3/quotes/AAPL?a=b&=&c", "O:AAPL990231C99999999", [True],
    ["AAPL"],
]  # fmt: skip
RAW = [
    b"", b"null", b"NaN", b"-Infinity", b"1e999", b"[" * 3000, b'{"a":' * 3000, b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}", b"\x1f\x8b\x08\x00", b"9" * 6000, b'"\\ud800"', b"<html>503</html>", b"\r\n",
    b'{"bars":{"AAPL":[' + b"[" * 100_000, b'{"status":"OK","results":' + b"{}" * 50,
]  # fmt: skip


def places(node, path=()):
    """Return the paths of all values in a document."""
    found = [path]
    if isinstance(node, dict | list):
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            found += places(child, (*path, key))
    return found


def with_value(node, path, change):
    """Return a copy of a document in which `change` has the container and key of one value."""
    if len(path) <= 1:
        copy = node.copy()
        change(copy, path[0])
        return copy
    copy = node.copy()
    copy[path[0]] = with_value(node[path[0]], path[1:], change)
    return copy


def mutated(document, rng):
    """Return the bytes of a document after one to three changes of its values or its bytes."""
    is_json = not isinstance(document, str)
    for _ in range(rng.randrange(3) if is_json else 0):
        path = rng.choice(places(document))
        if not path:
            continue

        def change(container, key):
            kind = rng.randrange(4)
            if kind == 0:
                del container[key]
            elif kind == 1 and isinstance(container, list):
                container.insert(key, container[key])
            elif kind == 1:
                container["other"] = container.pop(key)
            else:
                container[key] = rng.choice(STRANGE)

        document = with_value(document, path, change)
    body = json.dumps(document, ensure_ascii=rng.random() < 0.5) if is_json else document
    body = body.encode("utf-8", errors="surrogatepass")
    kind = rng.randrange(8)
    if kind == 0:
        return body[: rng.randrange(len(body) + 1)]
    if kind == 1:
        flipped = bytearray(body)
        for _ in range(rng.randrange(1, 4)):
            if flipped:
                flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if kind == 2:
        cut = rng.randrange(len(body) + 1)
        return body[:cut] + rng.choice(RAW) + body[cut:]
    if kind == 3:
        start, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
        return body[:end] + body[start:]
    if kind == 4 and rng.random() < 0.2:
        return rng.choice(RAW)
    return body


def check(page, request):
    """Assert that a page holds only what its columns may hold."""
    assert isinstance(page, Page)
    assert page.next_call is None or isinstance(page.next_call, Call)
    rows = page.rows
    assert tuple(rows.columns) == PAGE_COLUMNS[request.dataset]
    if "symbol" in rows and request.symbols:
        assert set(rows["symbol"]) <= set(request.symbols)
    for name in rows.columns:
        if name in ("ts", "ex_date", "known_at", "session_date", "opens_at", "closes_at"):
            assert rows[name].dtype == np.dtype("datetime64[ns]")
        elif rows[name].dtype == np.dtype("float64"):
            assert not np.isinf(rows[name]).any()
    if "ts" in rows:
        assert rows["ts"].notna().all()
    # What cannot be encoded cannot be stored.
    rows.to_csv().encode()
    if page.next_call:
        repr(page.next_call).encode()
        assert not any(key in repr(page.next_call) for key in KEYS.values())


def survive(seed, n):
    """Parse n mutated bodies; return how many gave a page."""
    rng = random.Random(seed)
    cases = []
    for name, dataset, call, body in SOUND:
        symbols = "" if dataset in ("calendar", "vix") else "AAPL"
        request = wanted(name, dataset, symbols, "2024-03-01", "2024-03-31")
        cases.append((vendor(name), request, call or vendor(name).first_call(request), body))
    pages = 0
    for i in range(n):
        asked, request, call, body = cases[i % len(cases)]
        given = mutated(body, rng)
        try:
            page = asked.parse(request, call, given)
        except VendorAnswerError:
            continue
        except Exception as error:
            raise AssertionError(f"body {i} of seed {seed}, {request}: {given[:500]!r}") from error
        check(page, request)
        pages += 1
    return pages


@pytest.mark.parametrize("case", SOUND, ids=lambda case: f"{case[0]} {case[1]}")
def test_the_bodies_that_are_mutated_are_sound(case):
    name, dataset, call, body = case
    symbols = "" if dataset in ("calendar", "vix") else "AAPL"
    request = wanted(name, dataset, symbols, "2024-03-01", "2024-03-31")
    text = body if isinstance(body, str) else json.dumps(body)
    page = vendor(name).parse(request, call or vendor(name).first_call(request), text.encode())
    check(page, request)
    assert len(page.rows) or dataset == "options"


def test_5000_damaged_bodies_give_a_page_or_a_typed_error():
    # Some mutations do no harm: a fuzz that never got through would test the JSON reader alone.
    assert 500 < survive(7, 5_000) < 4_500


@pytest.mark.long
def test_100000_damaged_bodies_give_a_page_or_a_typed_error():
    assert survive(11, 100_000) > 10_000


def test_every_stored_answer_gives_a_page_or_a_typed_error_for_every_dataset():
    if not SAMPLES.exists():
        pytest.skip("needs ../shared/vendor_samples")
    requests = [(n, d, c) for n, d, c, _ in SOUND]
    for path in sorted(SAMPLES.rglob("*.json")):
        if PurePosixPath(path).parts[-2] == "fred":
            continue
        body = json.dumps(json.loads(path.read_text()).get("body")).encode()
        for name, dataset, call in requests:
            symbols = "" if dataset in ("calendar", "vix", "tickers") else "AAPL"
            request = wanted(name, dataset, symbols, "2000-01-01", "2025-12-31")
            asked = vendor(name)
            try:
                page = asked.parse(request, call or asked.first_call(request), body)
            except VendorAnswerError:
                continue
            check(page, request)
