"""Alpaca's trading API v2, paper only: one request a call, never repeated, never redirected."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx

from trading_pipeline.adapters.broker.paper_host import PAPER_URL, paper_url
from trading_pipeline.adapters.vendors.keys import key_of
from trading_pipeline.contracts.broker import (
    Account,
    BrokerClock,
    BrokerFaultError,
    BrokerOrder,
    BrokerRefusedError,
    DuplicateOrderError,
    OrderRequest,
    Position,
    Side,
)
from trading_pipeline.contracts.errors import InputError

ID_NAMES: Final = ("APCA_API_KEY_ID", "ALPACA_API_KEY")
SECRET_NAMES: Final = ("APCA_API_SECRET_KEY", "ALPACA_SECRET_KEY")
PAGE: Final = 500
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
_SHOWN: Final = 200
T = TypeVar("T")


class AlpacaPaper:
    """A paper account at Alpaca, or at a server on this machine that speaks the same."""

    def __init__(self, base_url: str, keys: Mapping[str, str], timeout_seconds: float) -> None:
        """Check the address and the keys. Raises InputError where either will not do."""
        url = paper_url(base_url)
        self._secrets = (key_of(keys, "alpaca", ID_NAMES), key_of(keys, "alpaca", SECRET_NAMES))
        self._seconds = timeout_seconds
        self._http = httpx.Client(
            base_url=url,
            follow_redirects=False,
            timeout=timeout_seconds,
            verify=url.startswith("https:"),
            headers={
                "APCA-API-KEY-ID": self._secrets[0],
                "APCA-API-SECRET-KEY": self._secrets[1],
            },
            # A second answer to one request must never be read as the answer to the next.
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def account(self) -> Account:
        """Return the account."""
        return _read(_account, self._ask("GET", "/v2/account"))

    def clock(self) -> BrokerClock:
        """Return the broker's clock."""
        return _read(_clock, self._ask("GET", "/v2/clock"))

    def positions(self) -> tuple[Position, ...]:
        """Return every position, by symbol."""
        found = _read(_positions, self._ask("GET", "/v2/positions"))
        return tuple(sorted(found, key=lambda position: position.symbol))

    def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Return orders of any status sent since an instant, oldest first."""
        return self._listed({"status": "all", "after": since.astimezone(UTC).isoformat()})

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return orders that may still trade."""
        return self._listed({"status": "open"})

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Return the order of a client id, None where the broker answers 404."""
        path = f"/v2/orders:by_client_order_id?client_order_id={quote(client_order_id, safe='')}"
        try:
            found = _read(_order, self._ask("GET", path))
        except BrokerRefusedError as error:
            if error.status == 404:
                return None
            raise
        return _meant(found, client_order_id)

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order."""
        answer = self._ask("POST", "/v2/orders", body_of(request))
        return _meant(_read(_order, answer), request.client_order_id)

    def cancel(self, broker_order_id: str) -> None:
        """Ask that an order end; 404 and 422 mean that it has."""
        try:
            self._ask("DELETE", f"/v2/orders/{quote(broker_order_id, safe='')}")
        except BrokerRefusedError as error:
            if error.status not in (404, 422):
                raise

    def close_position(self, client_order_id: str, symbol: str, quantity: int) -> BrokerOrder:
        """Sell at market under a client id; the vendor's own route to close takes none."""
        return self.submit(
            OrderRequest(client_order_id, symbol, "sell", quantity, "simple", "market")
        )

    def _listed(self, params: Mapping[str, str]) -> tuple[BrokerOrder, ...]:
        found: dict[str, BrokerOrder] = {}
        wanted = {**params, "limit": str(PAGE), "nested": "true", "direction": "asc"}
        while True:
            page = _read(_orders, self._ask("GET", "/v2/orders", params=wanted))
            new = [order for order in page if order.broker_order_id not in found]
            found |= {order.broker_order_id: order for order in new}
            if len(page) < PAGE or not new:
                return tuple(found.values())
            wanted["after"] = page[-1].submitted_at

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Return what a 2xx answer holds, None where it holds nothing."""
        reason, end = "", time.monotonic() + self._seconds
        try:
            with self._http.stream(method, path, json=body, params=params) as answer:
                held = bytearray()
                for chunk in answer.iter_bytes():
                    held += chunk
                    if len(held) > MAX_BODY_BYTES or time.monotonic() > end:
                        raise BrokerFaultError(f"{method} {path}: the answer has no end")
                status, location = answer.status_code, answer.headers.get("location", "")
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            # The cause is dropped on purpose: it holds the request, and with it the keys.
            reason = f"{method} {path.split('?')[0]}: {type(error).__name__}: {error}"
        if reason:
            raise BrokerFaultError(self._clean(reason))
        return self._judged(f"{method} {path.split('?')[0]}", status, bytes(held), location)

    def _judged(self, named: str, status: int, body: bytes, location: str) -> Any:
        content: Any = None
        is_read = not body
        try:
            content = json.loads(body) if body else None
            is_read = True
        except ValueError:
            pass
        said = content.get("message", "") if isinstance(content, dict) else ""
        text = self._clean(f"{named} answered {status}: {str(said)[:_SHOWN] or 'no message'}")
        if 200 <= status < 300:
            if not is_read:
                raise BrokerFaultError(f"{text}; its body is not JSON")
            return content
        if 300 <= status < 400:
            raise InputError(
                f"{text}; it points to {self._clean(location)[:_SHOWN]!r}, which is not followed:"
                f" orders go to paper only; set broker.base_url to {PAPER_URL}"
            )
        if status == 401:
            names = " and ".join((ID_NAMES[0], SECRET_NAMES[0]))
            raise InputError(f"{text}; set {names} to the keys of the paper account")
        if status in (408, 425, 429) or status >= 500:
            raise BrokerFaultError(text)
        if status == 422 and "client_order_id" in str(said) and "unique" in str(said):
            raise DuplicateOrderError(text, status)
        raise BrokerRefusedError(text, status)

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "[key]")
        return text


def body_of(request: OrderRequest) -> dict[str, object]:
    """Return the JSON of an order. Selling never opens a short: `sell_to_close`."""
    body: dict[str, object] = {
        "client_order_id": request.client_order_id,
        "symbol": request.symbol,
        "qty": str(request.quantity),
        "side": request.side,
        "type": request.order_type,
        "time_in_force": "day",
        "order_class": request.order_class,
        "position_intent": "buy_to_open" if request.side == "buy" else "sell_to_close",
    }
    if request.limit_price is not None:
        body["limit_price"] = f"{request.limit_price:.4f}".rstrip("0").rstrip(".")
    if request.order_class != "simple":
        body["take_profit"] = {"limit_price": _price_text(request.target_price)}
        body["stop_loss"] = {"stop_price": _price_text(request.stop_price)}
    return body


def _price_text(price: float | None) -> str:
    if price is None:
        raise ValueError("an order with two ends needs target and stop")
    return f"{price:.4f}".rstrip("0").rstrip(".")


def _meant(order: BrokerOrder, client_order_id: str) -> BrokerOrder:
    if order.client_order_id != client_order_id:
        raise BrokerFaultError(
            f"asked for order {client_order_id}, the answer is of {order.client_order_id}"
        )
    return order


def _read(reader: Callable[[Any], T], content: Any) -> T:
    """Read an answer; what cannot be read is a fault, for the broker may have acted."""
    try:
        return reader(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BrokerFaultError(f"an answer cannot be read: {error!r}") from None


def _orders(content: Any) -> list[BrokerOrder]:
    return [_order(item) for item in _listed_rows(content)]


def _positions(content: Any) -> list[Position]:
    return [
        Position(
            symbol=str(item["symbol"]),
            quantity=_signed(item),
            entry_price=float(item["avg_entry_price"]),
            current_price=_maybe(item.get("current_price")),
        )
        for item in _listed_rows(content)
    ]


def _listed_rows(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError("a list was expected")
    return content


def _signed(item: Mapping[str, Any]) -> float:
    size = abs(float(item["qty"]))
    return -size if item.get("side") == "short" else size


def _order(item: Any) -> BrokerOrder:
    side: Side = "sell" if item["side"] == "sell" else "buy"
    filled = float(item.get("filled_qty") or 0)
    return BrokerOrder(
        broker_order_id=str(item["id"]),
        client_order_id=str(item["client_order_id"]),
        # The vendor's samples carry a stray mark after some symbols.
        symbol=str(item["symbol"]).rstrip("`"),
        side=side,
        order_class=str(item.get("order_class") or "simple"),
        order_type=str(item["type"]),
        status=str(item["status"]),
        quantity=float(item.get("qty") or 0),
        filled_quantity=filled,
        filled_price=_maybe(item.get("filled_avg_price")) if filled else None,
        limit_price=_maybe(item.get("limit_price")),
        stop_price=_maybe(item.get("stop_price")),
        submitted_at=str(item.get("submitted_at") or ""),
        legs=tuple(_order(leg) for leg in item.get("legs") or ()),
    )


def _maybe(value: Any) -> float | None:
    return None if value is None else float(value)


def _account(item: Any) -> Account:
    blocked = ("trading_blocked", "account_blocked", "trade_suspended_by_user")
    return Account(
        status=str(item["status"]),
        equity_usd=float(item["equity"]),
        buying_power_usd=float(item["buying_power"]),
        is_blocked=any(bool(item.get(name)) for name in blocked) or item["status"] != "ACTIVE",
    )


def _clock(item: Any) -> BrokerClock:
    return BrokerClock(
        now=_instant(item["timestamp"]),
        is_open=bool(item["is_open"]),
        next_close=_instant(item["next_close"]),
    )


def _instant(text: str) -> datetime:
    """Read an instant; the vendor tells nanoseconds, which Python cannot hold."""
    head, dot, tail = text.replace("Z", "+00:00").partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        tail = f".{tail[:digits][:6]:0<6}{tail[digits:]}"
    found = datetime.fromisoformat(head + tail)
    if found.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return found.astimezone(UTC)
