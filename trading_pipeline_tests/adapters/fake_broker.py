"""A paper broker on loopback: the vendor's shapes over real sockets, with scripted faults.

The exchange behind it fills what prices reach. Bodies are the vendor's samples where they are
present, else an equal minimum of our own.
"""

import json
import select
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "vendor_samples" / "alpaca"
ENDED = ("filled", "canceled", "expired", "rejected")
KEYS = {"APCA_API_KEY_ID": "PKPAPERSECRET", "APCA_API_SECRET_KEY": "papersecret/456"}
# What may happen on the way; "late" acts only after the client has given up.
FAULTS = (
    *("drop before", "drop after", "500 before", "500 after", "429", "not json"),
    *("twice", "delivered twice", "slow after", "late"),
)
SLOW = ("slow after", "late")
_TIMES = "created_at updated_at submitted_at filled_at expired_at canceled_at failed_at replaced_at"
_BARE = {
    "order": {
        **dict.fromkeys(_TIMES.split()),
        **{"id": "", "client_order_id": "", "asset_class": "us_equity", "symbol": "", "qty": 1},
        **{"filled_qty": "0", "filled_avg_price": None, "order_class": "simple"},
        **{"type": "market", "order_type": "market", "side": "buy", "time_in_force": "day"},
        **{"limit_price": None, "stop_price": None, "status": "accepted", "legs": None},
        **{"replaced_by": None, "replaces": None, "notional": None, "position_intent": ""},
    },
    "position": {
        **{"symbol": "", "qty": "0", "side": "long", "avg_entry_price": "0"},
        **{"current_price": "0", "market_value": "0", "cost_basis": "0", "unrealized_pl": "0"},
    },
    "account": {
        **{"status": "ACTIVE", "equity": "100000", "buying_power": "200000", "currency": "USD"},
        **{"trading_blocked": False, "account_blocked": False, "trade_suspended_by_user": False},
    },
}
_SAMPLES = {
    "order": "test_order_routes/market_order.json",
    "position": "test_position_routes/get_all_positions.json",
    "account": "test_account_routes/get_account.json",
}


@cache
def body_like(kind):
    """Return a body of the vendor's sample, else of our own; not to be changed."""
    path = SAMPLES / _SAMPLES[kind]
    if not path.exists():
        return _BARE[kind]
    body = json.loads(path.read_text())["body"]
    return body[0] if isinstance(body, list) else body


class RefusalError(Exception):
    """An answer that is no success."""

    def __init__(self, status, message, code=0):
        self.status, self.body = status, {"code": code, "message": message}


class Exchange:
    """Orders, positions and prices; time moves only when told."""

    def __init__(self, now, closes_at, *, is_strict=True):
        self.now, self.closes_at, self.is_strict = now, closes_at, is_strict
        self.orders, self.positions, self.prices = {}, {}, {}
        self.cash, self.lowest, self._n_made = 0.0, 0.0, 0
        self.shares_of_fill = {}  # symbol: parts of the entry filled at each moment
        self.refused = {}  # (symbol, class): how often an order is refused
        self.halted, self.slow_cancels = set(), set()
        self.account, self.is_dark = {}, False
        self.order_body = body_like("order")
        self.n_accepted = Counter()

    def outsider(self, symbol, shares, price):
        """Trade by hand in the same account."""
        self._book(symbol, "buy" if shares > 0 else "sell", abs(shares), price)

    def advance(self, now, prices=None):
        """Move time and prices; fill what they reach, end the day's orders after the close."""
        self.now = now
        self.prices |= prices or {}
        for order in [*self.orders.values()]:
            for one in (order, *(order["legs"] or ())):
                self._try_fill(one)
                if one["status"] == "pending_cancel":
                    self._end(one, "canceled")
        if now >= self.closes_at:
            for order in self.orders.values():
                for one in (order, *(order["legs"] or ())):
                    if one["status"] not in ENDED:
                        self._end(one, "expired")

    def live(self, symbol, side="sell"):
        """Return what may still trade, legs that sleep for their parent left out."""
        return [
            one
            for order in self.orders.values()
            for one in (order, *(order["legs"] or ()))
            if one["symbol"] == symbol and one["side"] == side and self._is_awake(one)
        ]

    def protected(self, symbol):
        """Return the shares that a live stop or a live market order would sell."""
        return sum(
            float(one["qty"]) - float(one["filled_qty"])
            for one in self.live(symbol)
            if one["type"] in ("stop", "market")
        )

    def submit(self, body):
        """Take an order."""
        symbol, side, size = body["symbol"], body["side"], float(body["qty"])
        known = [
            order
            for order in self.orders.values()
            if order["client_order_id"] == body["client_order_id"]
        ]
        if known and self.is_strict:
            raise RefusalError(422, "client_order_id must be unique", 40010001)
        if self.now >= self.closes_at:
            raise RefusalError(403, "market is closed")
        if self.refused.get((symbol, body["order_class"]), 0) > 0:
            self.refused[symbol, body["order_class"]] -= 1
            raise RefusalError(403, "insufficient buying power", 40310000)
        if side == "sell":
            free = self.positions.get(symbol, (0.0, 0.0))[0] - self._held_for_orders(symbol)
            if size > free:
                raise RefusalError(
                    403,
                    f"insufficient qty available for order (requested: {size:g},"
                    f" available: {free:g})",
                    40310000,
                )
            stop = (body.get("stop_loss") or {}).get("stop_price")
            if stop and float(stop) >= self.prices[symbol]:
                raise RefusalError(422, "stop price must be less than current price")
        order = self._made(body, body["type"], body.get("limit_price"), None)
        order["client_order_id"] = body["client_order_id"]
        if body["order_class"] != "simple":
            target = body["take_profit"]["limit_price"]
            stop = self._made(body, "stop", None, body["stop_loss"]["stop_price"], "sell")
            legs = [stop]
            if body["order_class"] == "bracket":
                legs.insert(0, self._made(body, "limit", target, None, "sell"))
            else:
                order["limit_price"] = target
            for leg in legs:
                leg["status"] = "held"
                leg["parent"] = order["id"]
            order["legs"] = legs
        self.orders[order["id"]] = order
        self.n_accepted[body["client_order_id"]] += 1
        self._try_fill(order)
        return order

    def cancel(self, order_id):
        """End an order, or begin to."""
        order = self._found(order_id)
        if order["status"] in ENDED:
            raise RefusalError(422, f'order is already in "{order["status"]}" state', 42210000)
        if order["symbol"] in self.slow_cancels:
            order["status"] = "pending_cancel"
        else:
            self._end(order, "canceled")

    def _found(self, order_id):
        for order in self.orders.values():
            for one in (order, *(order["legs"] or ())):
                if one["id"] == order_id:
                    return one
        raise RefusalError(404, "order not found", 40410000)

    def _made(self, body, kind, limit, stop, side=None):
        self._n_made += 1
        stamp = (self.now + timedelta(microseconds=self._n_made)).isoformat()
        return self.order_body | {
            "id": f"broker-{self._n_made}",
            "client_order_id": f"made-{self._n_made}",
            "symbol": body["symbol"],
            "qty": body["qty"],
            "filled_qty": "0",
            "side": side or body["side"],
            "type": kind,
            "order_type": kind,
            "order_class": body["order_class"],
            "limit_price": limit,
            "stop_price": stop,
            "status": "new",
            "submitted_at": stamp,
            "legs": None,
            "parent": None,
        }

    def _is_awake(self, one):
        if one["status"] in ENDED:
            return False
        parent = self.orders.get(one["parent"])
        return parent is None or parent["side"] == "sell" or parent["status"] == "filled"

    def _held_for_orders(self, symbol):
        groups = {}
        for one in self.live(symbol):
            rest = float(one["qty"]) - float(one["filled_qty"])
            key = one["parent"] or one["id"]
            groups[key] = max(groups.get(key, 0.0), rest)
        return sum(groups.values())

    def _try_fill(self, one):
        symbol, price = one["symbol"], self.prices.get(one["symbol"])
        if one["status"] in ENDED or not self._is_awake(one) or symbol in self.halted:
            return
        limit, stop = one["limit_price"], one["stop_price"]
        reaches = {
            "market": True,
            "limit": limit and (price <= float(limit)) == (one["side"] == "buy"),
            "stop": stop and price <= float(stop),
        }
        if one["type"] == "limit" and one["side"] == "sell":
            reaches["limit"] = price >= float(limit)
        if not reaches[one["type"]]:
            return
        rest = float(one["qty"]) - float(one["filled_qty"])
        parts = self.shares_of_fill.get((symbol, one["side"]), [])
        part = parts.pop(0) if parts else 1.0
        size = rest if part >= 1 else float(int(rest * part))
        if size > 0:
            self._fill(one, size, price)

    def _fill(self, one, size, price):
        before = float(one["filled_qty"])
        average = (before * float(one["filled_avg_price"] or 0) + size * price) / (before + size)
        one["filled_qty"], one["filled_avg_price"] = str(before + size), str(average)
        self._book(one["symbol"], one["side"], size, price)
        is_whole = float(one["filled_qty"]) == float(one["qty"])
        if one["status"] != "pending_cancel" or is_whole:
            one["status"] = "filled" if is_whole else "partially_filled"
        parent = self.orders.get(one["parent"])
        family = [*(parent["legs"] if parent else ()), *(one["legs"] or ())]
        if parent and parent["side"] == "sell":
            family.append(parent)
        if one["side"] == "buy":
            if is_whole:
                for leg in one["legs"] or ():
                    if leg["status"] == "held" and leg["type"] == "limit":
                        leg["status"] = "new"
            return
        for other in family:
            if other is one or other["status"] in ENDED or other["side"] == "buy":
                continue
            if is_whole:
                other["status"] = "canceled"
            else:
                other["qty"] = str(float(one["qty"]) - float(one["filled_qty"]))

    def _book(self, symbol, side, size, price):
        shares, average = self.positions.get(symbol, (0.0, 0.0))
        sign = 1 if side == "buy" else -1
        if side == "buy":
            average = (shares * average + size * price) / (shares + size)
        self.cash -= sign * size * price
        shares += sign * size
        self.lowest = min(self.lowest, shares)
        if shares:
            self.positions[symbol] = (shares, average)
        else:
            self.positions.pop(symbol, None)

    def _end(self, one, status):
        one["status"] = status
        parent = self.orders.get(one["parent"])
        family = [*(one["legs"] or ()), *(parent["legs"] if parent else ())]
        if parent and parent["side"] == "sell":
            family.append(parent)
        for other in family:
            if other["status"] not in ENDED:
                other["status"] = status

    def answer(self, method, path, query, body):
        """Return status and content of a request."""
        try:
            return self._answered(method, path, query, body)
        except RefusalError as refusal:
            return refusal.status, refusal.body

    def _answered(self, method, path, query, body):
        if method == "POST" and path == "/v2/orders":
            return 200, self.submit(body)
        if method == "DELETE" and path.startswith("/v2/orders/"):
            self.cancel(path.rsplit("/", 1)[1])
            return 204, None
        if path == "/v2/orders:by_client_order_id":
            for order in self.orders.values():
                for one in (order, *(order["legs"] or ())):
                    if one["client_order_id"] == query["client_order_id"]:
                        return 200, one
            raise RefusalError(404, f"order not found for {query['client_order_id']}", 40410000)
        if path == "/v2/orders":
            found = [*self.orders.values()]
            if query.get("status") == "open":
                found = [
                    order
                    for order in found
                    if any(one["status"] not in ENDED for one in (order, *(order["legs"] or ())))
                ]
            if "after" in query:
                after = datetime.fromisoformat(query["after"])
                found = [
                    order
                    for order in found
                    if datetime.fromisoformat(order["submitted_at"]) > after
                ]
            return 200, found[: int(query.get("limit", 50))]
        if path == "/v2/positions":
            return 200, [self._position(symbol) for symbol in sorted(self.positions)]
        if path == "/v2/account":
            return 200, body_like("account") | self.account
        if path == "/v2/clock":
            return 200, {
                "timestamp": self.now.isoformat(),
                "is_open": self.now < self.closes_at and not self.is_dark,
                "next_open": (self.closes_at + timedelta(hours=17, minutes=30)).isoformat(),
                "next_close": self.closes_at.isoformat(),
            }
        raise RefusalError(404, "no such route")

    def _position(self, symbol):
        shares, average = self.positions[symbol]
        return body_like("position") | {
            "symbol": symbol,
            "qty": str(abs(shares)),
            "side": "long" if shares > 0 else "short",
            "avg_entry_price": str(average),
            "current_price": str(self.prices.get(symbol, average)),
        }


class FakeBroker:
    """The server: `next_fault(method, path)` says what happens to each request."""

    def __init__(self, exchange=None):
        self.exchange = exchange
        self.next_fault = lambda method, path: None  # noqa: ARG005
        self.late, self.seen, self.faults = [], Counter(), Counter()
        self.headers = {}
        broker = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def handle_any(self):
                broker._handle(self)

        for verb in ("GET", "POST", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler.handle_any)
        self._http = HTTPServer(("127.0.0.1", 0), Handler)
        self._http.handle_error = lambda *_: None
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def deliver_late(self):
        """Act on the requests that were on their way when their senders gave up."""
        waiting, self.late = self.late, []
        for request in waiting:
            self.exchange.answer(*request)

    def _handle(self, handler):
        parts = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        size = int(handler.headers.get("content-length") or 0)
        body = json.loads(handler.rfile.read(size)) if size else None
        request = (handler.command, parts.path, query, body)
        self.headers = dict(handler.headers)
        self.seen[handler.command] += 1
        fault = self.next_fault(handler.command, parts.path)
        if fault:
            self.faults[fault] += 1
        if fault == "drop before":
            return
        if fault == "late":
            _wait_for_hang_up(handler)
            self.late.append(request)
            return
        if fault in ("500 before", "429"):
            status = 429 if fault == "429" else 500
            _send(handler, status, {"message": "rate limit" if status == 429 else "internal"})
            return
        if fault == "delivered twice":
            self.exchange.answer(*request)
        status, content = self.exchange.answer(*request)
        if fault == "drop after":
            return
        if fault == "slow after":
            _wait_for_hang_up(handler)
            return
        if fault == "500 after":
            status, content = 500, {"message": "internal"}
        if fault == "not json":
            _send(handler, 200, b"<html>busy</html>")
            return
        _send(handler, status, content)
        if fault == "twice":
            with suppress(OSError):
                _send(handler, status, content)


def _wait_for_hang_up(handler):
    select.select([handler.connection], [], [], 5.0)


def _send(handler, status, content):
    data = b"" if content is None else content
    if not isinstance(data, bytes):
        data = json.dumps(content).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.wfile.write(data)


def utc(text):
    """Return an instant of 2024."""
    return datetime.fromisoformat(f"2024-{text}").replace(tzinfo=UTC)
