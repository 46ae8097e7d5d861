"""Keeps the paper trades: writes first, then sends; asks before it sends again."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from trading_pipeline.commands.paper_ledger import Ledger, ordered
from trading_pipeline.contracts.broker import (
    Broker,
    BrokerFaultError,
    BrokerRefusedError,
    DuplicateOrderError,
    Trail,
)
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.domain.selloffs.book import (
    ABSENT,
    FOREIGN,
    KILL,
    KILL_LIFTED,
    LOST,
    TAKEN,
    UNSENT,
    Book,
    OrderState,
)
from trading_pipeline.domain.selloffs.manage import (
    Action,
    Cancel,
    Drop,
    Flatten,
    Send,
    next_steps,
)
from trading_pipeline.domain.selloffs.orders import (
    Hours,
    TradingRules,
    decisions_of,
    hours_at,
)
from trading_pipeline.domain.selloffs.told import book_lines

MAX_ROUNDS = 8
# Orders are asked for from a little before the session: clocks differ.
MARGIN = timedelta(hours=1)
# Holdings may lag behind orders; so many ticks with the same difference, and it is believed.
PATIENT_TICKS = 3
LOG = logging.getLogger(__name__)


class PaperBook:
    """Trades alerts on paper; everything it knows stands in the trail and at the broker."""

    def __init__(
        self,
        broker: Broker,
        trail: Trail,
        rules: TradingRules,
        max_retries: int,
        kill_reason: Callable[[], str],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Rebuild the book from the trail; the first tick reconciles it with the broker.

        Args:
            broker: The paper account.
            trail: Where events are kept.
            rules: Limits.
            max_retries: Faults in a row after which nothing new is opened.
            kill_reason: Why trading was ended, empty where it was not.
            on_close: Lets go of what was taken to make this.
        """
        self._broker, self._ledger, self._rules = broker, Ledger(trail), rules
        self._max_retries, self._kill_reason, self._on_close = max_retries, kill_reason, on_close
        self._waiting: list[pd.DataFrame] = []
        self._differences: dict[str, tuple[float, int]] = {}
        self._last_prices: Mapping[str, float] = {}
        self._prices: dict[str, float] = {}
        self._closes: dict[datetime, datetime] = {}
        self._trouble = ""
        self.is_settled = False

    @property
    def book(self) -> Book:
        """The book as the trail has it."""
        return self._ledger.book

    def on_alerts(self, alerts: pd.DataFrame, now: datetime) -> None:
        """Decide about new rows of selloffs.alerts; a tick in their entry minute sends."""
        if alerts.empty:
            return
        self._waiting.append(alerts)
        self._guarded(now, self._decide)

    def tick(self, now: datetime, last_prices: Mapping[str, float] | None = None) -> None:
        """Bring book and broker together, and do what the trades need now.

        `last_prices` are the scanner's newest by symbol; they tell open gains where the broker
        tells no price.

        Faults are written down and told by `lines`; `is_settled` says whether all is in order:
        every position protected or leaving, nothing uncertain.
        """
        self.is_settled = False
        self._last_prices = last_prices or {}
        self._guarded(now, self._settle)

    def close(self, now: datetime) -> None:
        """Look a last time and let go. What is still held keeps its stop until the session ends."""
        self.tick(now)
        for trade in self.book.unfinished():
            LOG.warning(
                "paper trade of %s is not finished; start `trading-pipeline scan` again before"
                " the session ends, or end it with `trading-pipeline scan --kill`",
                trade.symbol,
            )
        self._on_close()

    def lines(self) -> list[str]:
        """Return what a trader should see, a line each."""
        return book_lines(self.book, self._prices, self._rules.r_usd, self._trouble)

    def _guarded(self, now: datetime, work: Callable[[], None]) -> None:
        """Run a piece of work; a fault is written down, and too many in a row end new entries."""
        self._ledger.turn_to(now, hours_at(now))
        try:
            try:
                work()
                self._trouble = ""
            except WarehouseBusyError:
                raise
            except (BrokerFaultError, BrokerRefusedError, InputError) as error:
                self._trouble = str(error)
                self._ledger.write(kind="fault", payload={"reason": str(error)})
                is_hopeless = isinstance(error, InputError)
                if is_hopeless or self.book.n_faults > self._max_retries:
                    self._halt("circuit", f"{self.book.n_faults} faults in a row, last: {error}")
        except WarehouseBusyError as error:
            # Nothing is sent that was not written first: wait for the next tick.
            self._trouble = str(error)
        if self._trouble:
            LOG.warning("paper broker: %s", self._trouble)

    def _settle(self) -> None:
        self._hear_kill_switch()
        hours = self._told_hours()
        self._decide()
        has_looked_again = False
        for _ in range(MAX_ROUNDS):
            holdings = self._look()
            unclear = self._unclear(holdings)
            if unclear and not has_looked_again:
                has_looked_again = True
                continue
            self._watch_loss()
            if self._ledger.now >= hours.closes_at:
                break
            steps = next_steps(
                self.book, holdings, unclear.keys(), hours, self._rules, self._ledger.now
            )
            if not steps.actions:
                break
            for action in steps.actions:
                self._do(action)
        else:
            raise BrokerFaultError(f"orders and holdings did not settle in {MAX_ROUNDS} looks")
        self._be_patient(unclear)
        if unclear or (self._ledger.now < hours.closes_at and steps.is_waiting):
            return
        if not self.book.is_reconciled:
            self._ledger.write(kind="reconciled", payload={"held": self.book.held()})
        self.is_settled = True

    def _hear_kill_switch(self) -> None:
        reason = self._kill_reason()
        if reason and not self.book.killed:
            self._ledger.write(kind="halt", status=KILL, payload={"reason": reason})
        elif self.book.killed and not reason:
            words = {"reason": "the kill switch was lifted"}
            self._ledger.write(kind="halt", status=KILL_LIFTED, payload=words)

    def _told_hours(self) -> Hours:
        """Return the hours, with the broker's close where that is earlier; asked once a session."""
        hours, now = self._ledger.hours, self._ledger.now
        if hours.opens_at not in self._closes and now < hours.closes_at:
            clock = self._broker.clock()
            if not clock.is_open:
                # The broker keeps no session: there is nothing to do but to watch.
                return replace(hours, closes_at=now)
            if self._broker.account().is_blocked:
                self._halt("account", "the broker has blocked the account")
            self._closes[hours.opens_at] = min(clock.next_close, hours.closes_at)
        return replace(hours, closes_at=self._closes.get(hours.opens_at, hours.closes_at))

    def _decide(self) -> None:
        if not self._waiting:
            return
        hours = self._ledger.hours
        alerts = pd.concat(self._waiting, ignore_index=True)
        made = decisions_of(alerts, self.book, hours, self._rules, self._ledger.now)
        self._ledger.write_all([self._ledger.decided(one) for one in made])
        self._waiting.clear()

    def _look(self) -> dict[str, float]:
        """Take in what the broker says of orders; return what it says is held."""
        hours = self._ledger.hours
        dates = [trade.session_date for trade in self.book.unfinished()]
        days = (hours.session_date - min(dates, default=hours.session_date)).days
        # Holdings first: an order that fills in between shows in the newer list of orders.
        positions = self._broker.positions()
        listed = self._broker.orders(hours.opens_at - timedelta(days=days) - MARGIN)
        self._ledger.write_all(self._ledger.news(listed))
        seen = {one.client_order_id for order in listed for one in (order, *order.legs)}
        for state in list(self.book.orders.values()):
            if state.client_order_id not in seen and (state.is_active or state.is_uncertain):
                self._ask_for(state)
        told = {one.symbol: one.current_price for one in positions}
        self._prices = {**self._last_prices} | {
            symbol: price for symbol, price in told.items() if price is not None
        }
        return {one.symbol: one.quantity for one in positions}

    def _ask_for(self, state: OrderState) -> None:
        """Ask for one order by its client id; what the broker does not know is written down."""
        found = self._broker.order(state.client_order_id)
        if found is not None:
            self._ledger.write_all(self._ledger.news((found,)))
            return
        self._ledger.write(
            kind="observed",
            status=ABSENT if state.is_uncertain else LOST,
            symbol=state.symbol,
            alert_id=state.alert_id,
            client_order_id=state.client_order_id,
        )

    def _unclear(self, holdings: dict[str, float]) -> dict[str, float]:
        """Return, by symbol, what is held beyond our orders and what is known to be foreign."""
        ours, foreign = self.book.held(), self.book.foreign
        excess = {
            symbol: holdings.get(symbol, 0.0) - ours.get(symbol, 0.0)
            for symbol in sorted({*ours, *holdings, *foreign})
        }
        return {symbol: size for symbol, size in excess.items() if size != foreign.get(symbol, 0.0)}

    def _be_patient(self, unclear: dict[str, float]) -> None:
        """Believe a difference that has stood for some ticks."""
        earlier, self._differences = self._differences, {}
        for symbol, excess in unclear.items():
            last, n_ticks = earlier.get(symbol, (excess, 0))
            n_ticks = n_ticks + 1 if last == excess else 1
            self._differences[symbol] = (excess, n_ticks)
            if n_ticks >= PATIENT_TICKS:
                self._believe(symbol, excess)

    def _believe(self, symbol: str, excess: float) -> None:
        """Write down that someone else bought or sold; it is told, and left alone."""
        missing = max(0.0, -excess)
        for trade in self.book.unfinished():
            share = min(missing, trade.open_quantity) if trade.symbol == symbol else 0.0
            if share > 0:
                self._ledger.write(
                    kind="observed",
                    status=TAKEN,
                    symbol=symbol,
                    alert_id=trade.alert_id,
                    quantity=share,
                )
                missing -= share
        rest = excess if excess > 0 else -missing
        LOG.warning("paper account: %g shares of %s are not ours, and left alone", excess, symbol)
        self._ledger.write(kind="observed", status=FOREIGN, symbol=symbol, quantity=rest)

    def _watch_loss(self) -> None:
        session_date = self._ledger.hours.session_date
        usd = self.book.realised_usd(session_date) + self.book.open_usd(self._prices)
        lost = -usd / self._rules.r_usd
        if lost >= self._rules.loss_limit_r:
            self._halt("daily_loss", f"{lost:.2f} R are lost in this session")

    def _halt(self, name: str, reason: str) -> None:
        if name not in self.book.halts.get(self._ledger.hours.session_date, {}):
            LOG.warning("paper broker: nothing new is opened: %s", reason)
            self._ledger.write(kind="halt", status=name, payload={"reason": reason})

    def _do(self, action: Action) -> None:
        if isinstance(action, Send):
            self._send(action)
            return
        if isinstance(action, Flatten):
            trade = self.book.trades[action.alert_id]
            self._ledger.write(
                kind="flatten",
                symbol=trade.symbol,
                alert_id=trade.alert_id,
                quantity=trade.open_quantity,
                payload={"reason": action.reason},
            )
            return
        state = self.book.orders[action.client_order_id]
        self._ledger.write(
            kind="cancel",
            status=UNSENT if isinstance(action, Drop) else None,
            symbol=state.symbol,
            alert_id=state.alert_id,
            client_order_id=state.client_order_id,
            broker_order_id=state.broker_order_id,
            payload={"reason": action.reason},
        )
        if isinstance(action, Cancel) and state.broker_order_id:
            self._broker.cancel(state.broker_order_id)

    def _send(self, action: Send) -> None:
        """Write what is meant and that it is sent, send it, write what came of it."""
        request = action.request
        order_id = request.client_order_id
        state = self.book.orders.get(order_id)
        events = []
        if state is None or state.quantity != request.quantity:
            events.append(self._ledger.intent(action.alert_id, action.role, request))
        words = {**ordered(request), "alert_id": action.alert_id}
        events.append(self._ledger.event(kind="submit", **words))
        self._ledger.write_all(events)
        try:
            if action.role == "exit":
                heard = self._broker.close_position(order_id, request.symbol, request.quantity)
            else:
                heard = self._broker.submit(request)
        except DuplicateOrderError as error:
            # An earlier sending arrived after all; what became of it is asked for, not guessed.
            self._ledger.write(kind="answer", **words, payload={"reason": str(error)})
            self._ask_for(self.book.orders[order_id])
        except BrokerRefusedError as error:
            note = {"reason": str(error)}
            self._ledger.write(kind="answer", status="rejected", **words, payload=note)
        else:
            self._ledger.write_all(self._ledger.changes(heard, order_id, kind="answer"))
