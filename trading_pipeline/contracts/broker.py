"""What a broker is to the rest: frozen records of orders and positions, and what may be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal, Protocol

Side = Literal["buy", "sell"]
OrderClass = Literal["simple", "bracket", "oco"]
OrderType = Literal["market", "limit", "stop"]
TrailKind = Literal[
    "intent",
    "submit",
    "answer",
    "fault",
    "observed",
    "cancel",
    "flatten",
    "halt",
    "reconciled",
]

# The broker's words for an order that will not trade any more.
ENDED: Final = frozenset(
    {"filled", "canceled", "expired", "rejected", "replaced", "done_for_day", "suspended"}
)


class BrokerFaultError(Exception):
    """No usable answer: the broker may or may not have acted. Ask before sending again."""


class BrokerRefusedError(Exception):
    """The broker understood and said no; nothing was done."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class DuplicateOrderError(BrokerRefusedError):
    """The broker already has an order of this client id: the earlier request arrived."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is sent: whole shares of one symbol, good for the day.

    `bracket` buys and then sells at target or stop; `oco` sells what is held at either; `simple`
    sells at market.
    """

    client_order_id: str
    symbol: str
    side: Side
    quantity: int
    order_class: OrderClass
    order_type: OrderType
    limit_price: float | None = None
    target_price: float | None = None
    stop_price: float | None = None


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """An order as the broker tells it. `status` is the broker's word; prices in USD."""

    broker_order_id: str
    client_order_id: str
    symbol: str
    side: Side
    order_class: str
    order_type: str
    status: str
    quantity: float
    filled_quantity: float
    filled_price: float | None
    limit_price: float | None
    stop_price: float | None
    submitted_at: str
    legs: tuple["BrokerOrder", ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Shares held of one symbol, negative when short; prices in USD, None when not told."""

    symbol: str
    quantity: float
    entry_price: float
    current_price: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """The paper account."""

    status: str
    equity_usd: float
    buying_power_usd: float
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's idea of time."""

    now: datetime
    is_open: bool
    next_close: datetime


class Broker(Protocol):
    """A paper account. One request a call, never repeated here: the caller knows when it may.

    Every method raises BrokerFaultError where no usable answer came, BrokerRefusedError where the
    broker said no, and InputError where keys or host are wrong.
    """

    def account(self) -> Account:
        """Return the account."""

    def clock(self) -> BrokerClock:
        """Return the broker's clock."""

    def positions(self) -> tuple[Position, ...]:
        """Return every position of the account, by symbol."""

    def orders(self, since: datetime) -> tuple[BrokerOrder, ...]:
        """Return orders of any status sent since an instant, legs inside their parents."""

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return orders that may still trade, whenever sent, legs inside their parents."""

    def order(self, client_order_id: str) -> BrokerOrder | None:
        """Return the order of a client id, None where the broker knows none."""

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order. Raises DuplicateOrderError where its client id is there already."""

    def cancel(self, broker_order_id: str) -> None:
        """Ask that an order end; one that has ended already is no error."""

    def close_position(self, client_order_id: str, symbol: str, quantity: int) -> BrokerOrder:
        """Sell what is held at market, under a client id so that it can be asked for."""


@dataclass(frozen=True, slots=True)
class TrailEvent:
    """One row of selloffs.order_events; `payload` is its message."""

    sequence: int
    happened_at: datetime
    session_date: date
    kind: TrailKind
    symbol: str | None = None
    alert_id: str | None = None
    client_order_id: str | None = None
    broker_order_id: str | None = None
    status: str | None = None
    side: Side | None = None
    quantity: float | None = None
    filled_quantity: float | None = None
    price: float | None = None
    payload: Mapping[str, object] = field(default_factory=dict)


class Trail(Protocol):
    """Where the events are kept: appended, never changed."""

    def append(self, events: Sequence[TrailEvent]) -> None:
        """Keep events; they are safe when this returns."""

    def read(self) -> tuple[TrailEvent, ...]:
        """Return every event by its sequence."""
