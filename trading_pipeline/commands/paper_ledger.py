"""Writes the trail of paper orders: numbers events, keeps them, and only then believes them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from trading_pipeline.contracts.broker import (
    ENDED,
    BrokerOrder,
    OrderRequest,
    Trail,
    TrailEvent,
)
from trading_pipeline.domain.selloffs.book import DECLINED, FOREIGN, PLANNED, Book, fold
from trading_pipeline.domain.selloffs.orders import Decision, Hours


class Ledger:
    """The trail and the book it adds up to; `turn_to` sets the moment that events carry."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self.book: Book = fold(trail.read())

    def turn_to(self, now: datetime, hours: Hours) -> None:
        """Set clock and session of the events to come."""
        self.now, self.hours = now, hours

    def event(self, **words: object) -> TrailEvent:
        """Return an event of this moment, without a number yet."""
        return TrailEvent(0, self.now, self.hours.session_date, **words)  # type: ignore[arg-type]

    def write(self, **words: object) -> None:
        """Keep one event."""
        self.write_all([self.event(**words)])

    def write_all(self, events: Sequence[TrailEvent]) -> None:
        """Keep events in their order, all or none, and add them to the book."""
        last = self.book.last_sequence
        numbered = [replace(event, sequence=last + n) for n, event in enumerate(events, start=1)]
        self._trail.append(numbered)
        for event in numbered:
            self.book.apply(event)

    def intent(
        self,
        alert_id: str,
        role: str,
        request: OrderRequest,
        more: Mapping[str, object] | None = None,
    ) -> TrailEvent:
        """Return the event that an order is meant."""
        return self.event(
            kind="intent",
            status=PLANNED,
            alert_id=alert_id,
            **ordered(request),
            payload={
                "role": role,
                "type": request.order_type,
                "limit": request.limit_price,
                "target": request.target_price,
                "stop": request.stop_price,
                **(more or {}),
            },
        )

    def decided(self, one: Decision) -> TrailEvent:
        """Return the event of a decision about an alert."""
        if one.request is None or one.not_before is None or one.expires_at is None:
            return self.event(
                kind="intent",
                status=DECLINED,
                symbol=one.symbol,
                alert_id=one.alert_id,
                payload={"reason": one.reason},
            )
        times = {"not_before": one.not_before.isoformat(), "expires_at": one.expires_at.isoformat()}
        return self.intent(one.alert_id, "entry", one.request, times)

    def news(self, orders: Sequence[BrokerOrder]) -> list[TrailEvent]:
        """Return what is new about orders; foreign ones are told once while they are open."""
        events: list[TrailEvent] = []
        for order in orders:
            state = self.book.orders.get(order.client_order_id)
            if state is not None:
                events += self.changes(order, state.parent or order.client_order_id)
            elif order.status not in ENDED and (
                order.broker_order_id not in self.book.foreign_orders
            ):
                events.append(
                    self.event(
                        kind="observed",
                        status=FOREIGN,
                        symbol=order.symbol,
                        broker_order_id=order.broker_order_id,
                        side=order.side,
                        quantity=order.quantity,
                    )
                )
        return events

    def changes(self, order: BrokerOrder, parent: str, kind: str = "observed") -> list[TrailEvent]:
        """Return what is new about an order of ours and its legs; `parent` is the outer id."""
        events = []
        for one in (order, *order.legs):
            state = self.book.orders.get(one.client_order_id)
            told = (one.status, one.filled_quantity, one.filled_price, one.quantity)
            if state and told == (state.status, state.filled, state.price, state.quantity):
                continue
            events.append(
                self.event(
                    kind=kind,
                    symbol=one.symbol,
                    alert_id=self.book.orders[parent].alert_id,
                    client_order_id=one.client_order_id,
                    broker_order_id=one.broker_order_id,
                    status=one.status,
                    side=one.side,
                    quantity=one.quantity,
                    filled_quantity=one.filled_quantity,
                    price=one.filled_price,
                    payload={"parent": parent, "type": one.order_type},
                )
            )
        return events


def ordered(request: OrderRequest) -> dict[str, object]:
    """Return the columns of an event that say what is ordered."""
    return {
        "symbol": request.symbol,
        "client_order_id": request.client_order_id,
        "side": request.side,
        "quantity": float(request.quantity),
        "price": request.limit_price,
    }
