"""A vendor on loopback: serves made bars in a vendor's JSON over real sockets, faults included.

Bars are made, not stored: a formula of symbol and minute, so that every process knows the truth.
Page tokens carry all state, so that a fetch may stop and go on whenever it likes.
"""

import base64
import json
import random
import socket
import struct
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pandas as pd

NEW_YORK = ZoneInfo("America/New_York")
# Faults of the way: the answer is of no use, the same call is to be asked again.
BROKEN = (
    *("429", "429 after seconds", "429 after date", "500", "503", "time-out", "slow body"),
    *("reset", "truncated", "not json", "half json", "wrong symbol", "repeated token"),
)
# Oddities of the content: the answer is good, its rows are to be settled.
ODD = ("short page", "empty page", "duplicated", "late", "out of order", "revised", "empty end")


@dataclass(frozen=True)
class Market:
    """Minute bars of some symbols on the weekdays of a span, the same in every process."""

    symbols: tuple[str, ...]
    start: date
    end: date
    bars_per_day: int = 8
    every_minutes: int = 30

    @property
    def times(self) -> list[datetime]:
        """Starts of all bars of a symbol, naive UTC, in order."""
        return _times(self)

    def bar(self, symbol: str, index: int) -> dict[str, float]:
        """Return a bar's values."""
        level = 50.0 + 10 * self.symbols.index(symbol) + (index * 37 % 101) / 100
        volume = 1000 + index % 97
        return {"o": level, "h": level + 0.5, "l": level - 0.5, "c": level + 0.25, "v": volume}

    def frame(self) -> pd.DataFrame:
        """Return the truth: symbol, ts, open, high, low, close, volume."""
        rows = [
            (symbol, at, *self.bar(symbol, index).values())
            for symbol in sorted(self.symbols)
            for index, at in enumerate(self.times)
        ]
        names = ["symbol", "ts", "open", "high", "low", "close", "volume"]
        frame = pd.DataFrame(rows, columns=names).astype({"volume": "float64"})
        return frame.astype({"ts": "datetime64[ns]"})


_TIMES: dict[Market, list[datetime]] = {}


def _times(market: Market) -> list[datetime]:
    if market not in _TIMES:
        days = (market.end - market.start).days + 1
        dates = [market.start + timedelta(days=number) for number in range(days)]
        _TIMES[market] = [
            datetime.combine(day, datetime.min.time(), NEW_YORK)
            .replace(hour=9, minute=30)
            .astimezone(UTC)
            .replace(tzinfo=None)
            + timedelta(minutes=market.every_minutes * number)
            for day in dates
            if day.weekday() < 5
            for number in range(market.bars_per_day)
        ]
    return _TIMES[market]


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    number: int
    at: float
    path: str
    params: dict[str, str]
    headers: dict[str, str]


@dataclass
class Script:
    """What the server does: which fault, if any, each arrival meets."""

    market: Market
    fault: Callable[[Asked], str | None] = lambda _: None
    page_rows: int = 10
    retry_after: Callable[[], float] = lambda: 1.0
    clock: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    seed: int = 0
    arrivals: list[Asked] = field(default_factory=list)
    served: list[str] = field(default_factory=list)
    bodies: Callable[[Asked], bytes | None] = lambda _: None


class VendorServer:
    """A running server; set `script` to begin a new scene."""

    def __init__(self, script: Script) -> None:
        self.script = script
        outer = self

        class Handler(_Handler):
            server_of = outer

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.block_on_close = False
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address to give as base_url."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def stop(self) -> None:
        """End the server and whatever it still holds."""
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def vendor_server(script: Script) -> Iterator[VendorServer]:
    """Give a server that runs as long as the block."""
    server = VendorServer(script)
    try:
        yield server
    finally:
        server.stop()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: VendorServer

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer one call as the script says."""
        script = self.server_of.script
        parts = urlsplit(self.path)
        with self.server_of.lock:
            asked = Asked(
                len(script.arrivals),
                script.clock(),
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
            )
            script.arrivals.append(asked)
            fault = script.fault(asked)
            script.served.append(fault or "good")
        given = script.bodies(asked)
        try:
            if given is not None:
                self._answer(200, given)
            else:
                self._serve(script, asked, fault)
        except OSError:
            self.close_connection = True

    def _serve(self, script: Script, asked: Asked, fault: str | None) -> None:
        if fault in ("429", "500", "503", "400", "401", "403", "404", "422"):
            self._answer(int(fault), json.dumps({"message": f"scripted {fault}"}).encode())
        elif fault == "302":
            self._answer(302, b"", ("Location", "http://127.0.0.1:1/elsewhere"))
        elif fault == "429 after seconds":
            self._answer(429, b"{}", ("Retry-After", f"{script.retry_after():g}"))
        elif fault == "429 after date":
            # Whole seconds only: rounded up, so that the date is never too early.
            at = datetime.fromtimestamp(int(script.wall() + script.retry_after()) + 1, UTC)
            self._answer(429, b"{}", ("Retry-After", format_datetime(at, usegmt=True)))
        elif fault == "time-out":
            self.server_of.stopping.wait(2.0)
            self.close_connection = True
        elif fault == "reset":
            self._reset()
        elif fault == "not json":
            self._answer(200, b"<html>Service is having a rest</html>")
        else:
            body = json.dumps(page_of(script, asked, fault)).encode()
            if fault == "truncated":
                self._answer(200, body[: len(body) // 2], length=len(body))
                self._reset()
            elif fault == "half json":
                self._answer(200, body[: len(body) // 2])
            elif fault == "slow body":
                self._drip(body)
            else:
                self._answer(200, body)

    def _answer(
        self, status: int, body: bytes, *headers: tuple[str, str], length: int | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        """Send a byte now and then: no read ever times out, the answer never ends."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for number in range(100):
            self.wfile.write(body[number : number + 1])
            if self.server_of.stopping.wait(0.02):
                break
        self.close_connection = True

    def _reset(self) -> None:
        self.wfile.flush()
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True


def page_of(script: Script, asked: Asked, fault: str | None) -> dict[str, Any]:
    """Return the JSON of one page, in the shape the path asks for."""
    is_alpaca = asked.path == "/v2/stocks/bars"
    token = asked.params.get("page_token" if is_alpaca else "cursor")
    state = _unpack(token) if token else {"at": 0, "owed": [], "salt": 0}
    if is_alpaca:
        symbols = sorted(asked.params["symbols"].split(","))
        start, end = asked.params["start"], asked.params["end"]
        spans = [datetime.fromisoformat(text).replace(tzinfo=None) for text in (start, end)]
    else:
        symbols = [asked.path.split("/")[4]]
        first, last = (date.fromisoformat(text) for text in asked.path.split("/")[-2:])
        midnights = (
            datetime.combine(day, datetime.min.time(), NEW_YORK)
            for day in (first, last + timedelta(days=1))
        )
        spans = [at.astimezone(UTC).replace(tzinfo=None) for at in midnights]
        spans[1] -= timedelta(seconds=1)
    times = script.market.times
    low, high = bisect_left(times, spans[0]), bisect_right(times, spans[1])
    keys = [(s, i) for s in symbols if s in script.market.symbols for i in range(low, high)]
    rows, following = _rows(script, asked, fault, state, keys)
    if fault == "repeated token" and token:
        following = token
    if is_alpaca:
        bars: dict[str, list[dict[str, Any]]] = {}
        for symbol, index, values in rows:
            name = "WRONG" if fault == "wrong symbol" else symbol
            bars.setdefault(name, []).append({"t": f"{times[index].isoformat()}Z", **values})
        return {"bars": bars, "next_page_token": following}
    ticker = "WRONG" if fault == "wrong symbol" else symbols[0]
    results = [
        {"t": int(times[index].replace(tzinfo=UTC).timestamp() * 1000), **values}
        for _, index, values in rows
    ]
    page = {"ticker": ticker, "adjusted": False, "queryCount": len(results), "status": "OK"}
    page |= {"resultsCount": len(results), "count": len(results), "request_id": f"{asked.number}"}
    if results:
        page["results"] = results
    if following:
        page["next_url"] = f"https://elsewhere.example{asked.path}?cursor={following}"
    return page


def _rows(
    script: Script,
    asked: Asked,
    fault: str | None,
    state: dict[str, Any],
    keys: list[tuple[str, int]],
) -> tuple[list[tuple[str, int, dict[str, float]]], str | None]:
    """Return the rows of a page and the token of the next; what is late is owed to it."""
    chance = random.Random(f"{script.seed} {asked.number}")
    at = state["at"]
    size = 0 if fault == "empty page" else script.page_rows
    size = max(1, size // 2) if fault == "short page" else size
    fresh = keys[at : at + size]
    owed: list[tuple[str, int]] = []
    rows = [(s, i, script.market.bar(s, i)) for s, i in [*map(tuple, state["owed"]), *fresh]]
    if fault == "empty page":
        owed, rows = state["owed"], []
    elif fault == "late" and rows:
        gone = rows.pop(chance.randrange(len(rows)))
        owed = [gone[:2]]
    elif fault == "revised" and rows:
        place = chance.randrange(len(rows))
        symbol, index, values = rows[place]
        rows[place] = (symbol, index, {**values, "c": values["c"] + 0.1, "v": 1})
        owed = [(symbol, index)]
    elif fault == "duplicated":
        rows += rows[: 1 + len(rows) // 2]
    elif fault == "out of order":
        chance.shuffle(rows)
    after = at + len(fresh)
    is_over = after >= len(keys) and not owed and fault not in ("empty page", "empty end")
    following = None if is_over else {"at": after, "owed": owed, "salt": asked.number}
    return rows, following and _pack(following)


def _pack(state: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(state).encode()).decode().rstrip("=")


def _unpack(token: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
