"""The book of paper trades: what the audit trail adds up to, event by event."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from trading_pipeline.contracts.broker import ENDED, TrailEvent

# Our own words beside the broker's: nothing was sent; it was sent and no answer came; the broker
# does not know it; it was given up before it was sent; the broker had it and has it no more.
PLANNED: Final = "planned"
SENT: Final = "sent"
ABSENT: Final = "absent"
UNSENT: Final = "unsent"
LOST: Final = "lost"
DECLINED: Final = "declined"
FOREIGN: Final = "foreign"
TAKEN: Final = "taken_outside"
KILL: Final = "kill"
KILL_LIFTED: Final = "kill_lifted"
_OVER: Final = ENDED | {UNSENT, LOST}


@dataclass(slots=True)
class OrderState:
    """One order of ours, or one leg of it, as last heard."""

    client_order_id: str
    role: str
    alert_id: str
    symbol: str
    side: str
    quantity: float
    status: str
    filled: float = 0.0
    price: float | None = None
    broker_order_id: str | None = None
    parent: str | None = None
    order_type: str = ""

    @property
    def is_waiting(self) -> bool:
        """Nothing of it is at the broker, as far as is known; it may be sent."""
        return self.status in (PLANNED, ABSENT)

    @property
    def is_uncertain(self) -> bool:
        """It was sent and nobody knows what became of it."""
        return self.status == SENT

    @property
    def is_active(self) -> bool:
        """The broker may still fill it."""
        return not (self.is_waiting or self.is_uncertain or self.status in _OVER)

    @property
    def remaining(self) -> float:
        """Shares that may still be filled."""
        return self.quantity - self.filled


@dataclass(slots=True)
class Trade:
    """What follows from one alert: an entry, the orders that sell, and how it was meant."""

    alert_id: str
    symbol: str
    session_date: date
    entry: OrderState
    plan: dict[str, Any]
    sells: dict[str, OrderState] = field(default_factory=dict)
    leaving: str = ""
    taken: float = 0.0
    sold_on: date | None = None

    @property
    def open_quantity(self) -> float:
        """Shares bought and not sold."""
        return self.entry.filled - self.taken - sum(order.filled for order in self.sells.values())

    @property
    def realised_usd(self) -> float:
        """What the shares sold have brought, against the entry's price."""
        cost = self.entry.price or 0.0
        return sum(
            order.filled * ((order.price or 0.0) - cost)
            for order in self.sells.values()
            if order.filled
        )

    @property
    def protected_quantity(self) -> float:
        """Shares that a live stop would sell; legs sleep until their entry is wholly filled."""
        total = 0.0
        for order in self.sells.values():
            if order.order_type != "stop" or not order.is_active:
                continue
            if order.parent != self.entry.client_order_id or self.entry.status == "filled":
                total += order.remaining
        return total

    @property
    def is_over(self) -> bool:
        """Nothing is held and nothing may be filled any more."""
        orders = (self.entry, *self.sells.values())
        return self.open_quantity == 0 and all(order.status in _OVER for order in orders)

    def live_sells(self, role: str = "") -> list[OrderState]:
        """Return selling orders the broker may fill, of one role or all."""
        return [
            order for order in self.sells.values() if order.is_active and role in ("", order.role)
        ]

    def tries(self, role: str) -> list[OrderState]:
        """Return the selling orders of a role, in the order they were meant."""
        return [order for order in self.sells.values() if order.role == role]


@dataclass(slots=True)
class Book:
    """Orders, trades, halts and what is not ours; nothing but the fold of the trail."""

    trades: dict[str, Trade] = field(default_factory=dict)
    orders: dict[str, OrderState] = field(default_factory=dict)
    declined: dict[str, str] = field(default_factory=dict)
    halts: dict[date, dict[str, str]] = field(default_factory=dict)
    killed: str = ""
    foreign: dict[str, float] = field(default_factory=dict)
    foreign_orders: set[str] = field(default_factory=set)
    last_sequence: int = 0
    n_faults: int = 0
    last_fault: str = ""
    is_reconciled: bool = False

    def apply(self, event: TrailEvent) -> None:
        """Add one event. Raises ValueError where it does not follow the last one."""
        if event.sequence != self.last_sequence + 1:
            raise ValueError(
                f"selloffs.order_events: event {event.sequence} follows {self.last_sequence}"
            )
        self.last_sequence = event.sequence
        self.is_reconciled = False
        _HANDLERS[event.kind](self, event)

    def of_session(self, session_date: date) -> Iterator[Trade]:
        """Return the trades of a session."""
        return (trade for trade in self.trades.values() if trade.session_date == session_date)

    def unfinished(self) -> list[Trade]:
        """Return the trades that hold shares or may come to."""
        return [trade for trade in self.trades.values() if not trade.is_over]

    def held(self) -> dict[str, float]:
        """Return the shares that our own orders have left, by symbol; none at 0."""
        total: dict[str, float] = {}
        for trade in self.trades.values():
            total[trade.symbol] = total.get(trade.symbol, 0.0) + trade.open_quantity
        return {symbol: shares for symbol, shares in sorted(total.items()) if shares}

    def realised_usd(self, session_date: date) -> float:
        """Return what the session's trades have brought so far, and older ones sold in it."""
        return sum(
            trade.realised_usd
            for trade in self.trades.values()
            if session_date in (trade.session_date, trade.sold_on)
        )

    def open_usd(self, prices: dict[str, float]) -> float:
        """Return what the shares held have gained, at these prices; unknown prices count 0."""
        return sum(
            trade.open_quantity * (prices[trade.symbol] - (trade.entry.price or 0.0))
            for trade in self.trades.values()
            if trade.open_quantity and trade.symbol in prices
        )

    def halted(self, session_date: date) -> str:
        """Return why nothing new is opened in a session, empty where it may be."""
        reasons = list(self.halts.get(session_date, {}).values())
        return "; ".join([f"kill switch: {self.killed}", *reasons] if self.killed else reasons)


def fold(events: Iterable[TrailEvent]) -> Book:
    """Return the book that a trail adds up to, from its first event on.

    Raises:
        ValueError: A sequence number is missing or doubled.
    """
    book = Book()
    for event in events:
        book.apply(event)
    return book


def _intent(book: Book, event: TrailEvent) -> None:
    alert_id, order_id = event.alert_id or "", event.client_order_id or ""
    if event.status == DECLINED:
        book.declined[alert_id] = str(event.payload.get("reason", ""))
        return
    role = str(event.payload["role"])
    order = OrderState(
        client_order_id=order_id,
        role=role,
        alert_id=alert_id,
        symbol=event.symbol or "",
        side=event.side or "buy",
        quantity=event.quantity or 0.0,
        status=PLANNED,
        order_type=str(event.payload["type"]),
    )
    book.orders[order_id] = order
    if role == "entry":
        plan = dict(event.payload)
        book.trades[alert_id] = Trade(alert_id, order.symbol, event.session_date, order, plan)
    else:
        book.trades[alert_id].sells[order_id] = order


def _submit(book: Book, event: TrailEvent) -> None:
    book.orders[event.client_order_id or ""].status = SENT


def _heard(book: Book, event: TrailEvent) -> None:
    if event.status is None:
        return
    if event.status == FOREIGN:
        _foreign(book, event)
        return
    if event.status == TAKEN:
        book.trades[event.alert_id or ""].taken += event.quantity or 0.0
        return
    order_id = event.client_order_id or ""
    order = book.orders.get(order_id)
    if order is None:
        order = _leg(book, event)
    order.status = event.status
    order.broker_order_id = event.broker_order_id or order.broker_order_id
    if event.quantity is not None:
        order.quantity = event.quantity
    if event.filled_quantity is not None:
        if order.role != "entry" and event.filled_quantity > order.filled:
            book.trades[order.alert_id].sold_on = event.session_date
        order.filled, order.price = event.filled_quantity, event.price


def _leg(book: Book, event: TrailEvent) -> OrderState:
    parent = book.orders[str(event.payload["parent"])]
    leg = OrderState(
        client_order_id=event.client_order_id or "",
        role="leg",
        alert_id=parent.alert_id,
        symbol=parent.symbol,
        side=event.side or "sell",
        quantity=event.quantity or 0.0,
        status=event.status or "",
        parent=parent.client_order_id,
        order_type=str(event.payload["type"]),
    )
    book.orders[leg.client_order_id] = leg
    book.trades[leg.alert_id].sells[leg.client_order_id] = leg
    return leg


def _foreign(book: Book, event: TrailEvent) -> None:
    if event.broker_order_id:
        book.foreign_orders.add(event.broker_order_id)
    elif event.quantity:
        book.foreign[event.symbol or ""] = event.quantity
    else:
        book.foreign.pop(event.symbol or "", None)


def _fault(book: Book, event: TrailEvent) -> None:
    book.n_faults += 1
    book.last_fault = str(event.payload.get("reason", ""))


def _cancel(book: Book, event: TrailEvent) -> None:
    if event.status == UNSENT:
        book.orders[event.client_order_id or ""].status = UNSENT


def _flatten(book: Book, event: TrailEvent) -> None:
    book.trades[event.alert_id or ""].leaving = str(event.payload["reason"])


def _halt(book: Book, event: TrailEvent) -> None:
    reason = str(event.payload["reason"])
    if event.status == KILL:
        book.killed = reason
    elif event.status == KILL_LIFTED:
        book.killed = ""
    else:
        book.halts.setdefault(event.session_date, {})[event.status or ""] = reason


def _reconciled(book: Book, _: TrailEvent) -> None:
    book.n_faults, book.last_fault, book.is_reconciled = 0, "", True


_HANDLERS: Final = {
    "intent": _intent,
    "submit": _submit,
    "answer": _heard,
    "observed": _heard,
    "fault": _fault,
    "cancel": _cancel,
    "flatten": _flatten,
    "halt": _halt,
    "reconciled": _reconciled,
}
