"""What to do next about the paper trades: from book, holdings and clock to a list of actions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trading_pipeline.contracts.broker import OrderRequest
from trading_pipeline.domain.selloffs.book import ABSENT, Book, OrderState, Trade
from trading_pipeline.domain.selloffs.orders import (
    Hours,
    TradingRules,
    protection,
    resent_entry,
    way_out,
)

# A stop refused or undone so often is not to be had: the position goes.
MAX_PROTECTIONS: Final = 3


@dataclass(frozen=True, slots=True)
class Send:
    """Send an order of a role."""

    alert_id: str
    role: str
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the broker to end an order."""

    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Give up an order that was never sent."""

    client_order_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Flatten:
    """Decide to leave a position; the orders follow."""

    alert_id: str
    reason: str


Action = Send | Cancel | Drop | Flatten


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do now, and whether something asked for before has yet to happen."""

    actions: tuple[Action, ...]
    is_waiting: bool


def next_steps(
    book: Book,
    holdings: Mapping[str, float],
    unclear: Collection[str],
    hours: Hours,
    rules: TradingRules,
    now: datetime,
) -> Steps:
    """Return what the trades need now; nothing where every position is protected or leaving.

    Args:
        book: The book, with nothing uncertain in it.
        holdings: Shares of the account by symbol, as the broker tells them.
        unclear: Symbols whose holdings and orders do not agree yet: left alone until they do.
        hours: The session; `closes_at` is the earlier of calendar and broker.
        rules: Limits.
        now: The clock.
    """
    actions: list[Action] = []
    is_waiting = False
    for trade in book.unfinished():
        if trade.symbol in unclear:
            continue
        own, waits = _steps_of(trade, book, holdings, hours, rules, now)
        actions += own
        is_waiting |= waits
    return Steps(tuple(actions), is_waiting)


def _steps_of(
    trade: Trade,
    book: Book,
    holdings: Mapping[str, float],
    hours: Hours,
    rules: TradingRules,
    now: datetime,
) -> tuple[list[Action], bool]:
    why = _why_leave(trade, book, hours, rules, now)
    halted = book.halted(hours.session_date)
    entry = trade.entry
    if entry.is_waiting and not trade.open_quantity:
        foreign = "the account holds shares of it that are not ours"
        objection = why or halted or (foreign if trade.symbol in book.foreign else "")
        return _begin(trade, objection, now), False
    if why and not trade.leaving:
        return [Flatten(trade.alert_id, why)], False
    if entry.is_active:
        return _cut_entry(trade, why or halted, now)
    # Less may be there than we bought, never more that is ours.
    held = int(min(trade.open_quantity, max(0.0, holdings.get(trade.symbol, 0.0))))
    live = trade.live_sells()
    if held <= 0:
        idle = [order for order in trade.sells.values() if order.is_waiting]
        if idle and not live:
            return [
                Drop(order.client_order_id, "nothing is held any more") for order in idle
            ], False
        return _cancelled(live, "nothing is held any more")
    if trade.live_sells("exit"):
        return [], False
    if why:
        return _cancelled(live, why) if live else (_sold(trade, held), False)
    if trade.protected_quantity == held:
        return [], False
    if live:
        return _cancelled(live, "its stop does not cover what is held")
    number = _next_number(trade, "protect")
    return [Send(trade.alert_id, "protect", protection(trade, held, number))], False


def _why_leave(trade: Trade, book: Book, hours: Hours, rules: TradingRules, now: datetime) -> str:
    if trade.leaving:
        return trade.leaving
    if book.killed:
        return f"kill switch: {book.killed}"
    if trade.session_date < hours.session_date:
        return "it was left from an earlier session"
    if now >= hours.closes_at - rules.flatten:
        return "the session ends"
    tries = [order for order in trade.tries("protect") if order.status != ABSENT]
    if any(order.status == "rejected" for order in tries):
        return "its stop was refused"
    if trade.open_quantity and len(tries) >= MAX_PROTECTIONS and not trade.protected_quantity:
        return "its stop does not last"
    return ""


def _begin(trade: Trade, objection: str, now: datetime) -> list[Action]:
    """Return the entry when its minute has come, or its end when that is over."""
    plan, entry = trade.plan, trade.entry
    if objection:
        return [Drop(entry.client_order_id, objection)]
    if now >= datetime.fromisoformat(str(plan["expires_at"])):
        return [Drop(entry.client_order_id, "its entry minute is over")]
    if now < datetime.fromisoformat(str(plan["not_before"])):
        return []
    return [Send(trade.alert_id, "entry", resent_entry(trade))]


def _cut_entry(trade: Trade, objection: str, now: datetime) -> tuple[list[Action], bool]:
    """End an entry that is late, unwanted, or filled in part: its legs sleep until it is whole."""
    if trade.entry.filled:
        reason = "filled in part: the rest is given up, what is held gets its own stop"
    elif now >= datetime.fromisoformat(str(trade.plan["expires_at"])):
        reason = "not filled in its entry minute"
    else:
        reason = objection
    return _cancelled([trade.entry], reason) if reason else ([], False)


def _cancelled(orders: list[OrderState], reason: str) -> tuple[list[Action], bool]:
    """Cancel what is not being cancelled yet; one leg takes the other with it."""
    asked = [order for order in orders if order.status != "pending_cancel"]
    if len(asked) < len(orders):
        return [], True
    # A live order before a sleeping one: cancelling it ends the pair.
    asked.sort(key=lambda order: (order.parent is not None, order.status == "held"))
    return [Cancel(order.client_order_id, reason) for order in asked[:1]], False


def _sold(trade: Trade, held: int) -> list[Action]:
    number = _next_number(trade, "exit")
    return [Send(trade.alert_id, "exit", way_out(trade, held, number))]


def _next_number(trade: Trade, role: str) -> int:
    """Return the number of the next try: one the broker does not know is tried again."""
    return len([order for order in trade.tries(role) if not order.is_waiting])
