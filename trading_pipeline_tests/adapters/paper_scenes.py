"""Scripted days of the paper broker: alerts, prices, faults, kills, and what must always hold."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pandas as pd

from trading_pipeline.adapters.broker.alpaca_paper import AlpacaPaper
from trading_pipeline.commands.paper_book import PATIENT_TICKS, PaperBook
from trading_pipeline.domain.selloffs.book import fold
from trading_pipeline.domain.selloffs.orders import TradingRules, hours_at
from trading_pipeline_tests.adapters.fake_broker import FAULTS, KEYS, SLOW, Exchange, utc

# Machines are shared: only days with answers that never come wait briefly for each.
PATIENT, HASTY = 5.0, 0.25
RULES = TradingRules(
    max_open_positions=3,
    loss_limit_r=3.0,
    r_usd=250.0,
    entry_delay=timedelta(minutes=1),
    last_entry=timedelta(minutes=30),
    flatten=timedelta(minutes=5),
)
FOREIGN = "HAND"
TICK = timedelta(seconds=20)


class KilledError(BaseException):
    """The process ends here, as by a signal."""


class MemoryTrail:
    """A trail in memory that may kill its writer, before or after it has kept the events."""

    def __init__(self):
        self.events, self.kill_at, self.n_appends = [], {}, 0

    def append(self, events):
        self.n_appends += bool(events)
        when = self.kill_at.pop(self.n_appends, "") if events else ""
        if when == "before":
            raise KilledError
        self.events += events
        if when == "after":
            raise KilledError

    def read(self):
        return tuple(self.events)


def alerts_of(*rows):
    """Return rows of selloffs.alerts: (symbol, detected_at, stop, target, shares) and changes."""
    made = []
    for rank, (symbol, at, stop, target, shares, *more) in enumerate(rows, start=1):
        made.append(
            {
                "alert_id": f"live-{symbol}-{at:%Y%m%d}-0.03",
                "mode": "live",
                "symbol": symbol,
                "session_date": pd.Timestamp(at.date()),
                "rung": 0.03,
                "detected_at": pd.Timestamp(at),
                "close": (stop + target) / 2,
                "status": "alert",
                "risk_tier": 1.0,
                "rank": rank,
                "stop_price": stop,
                "target_price": target,
                "shares": float(shares),
                **(more[0] if more else {}),
            }
        )
    return pd.DataFrame(made)


@dataclass
class Scene:
    """One day: a broker, an exchange, a trail, a book that may be killed and made anew."""

    broker: object
    opens: object
    is_strict: bool = True
    rules: TradingRules = RULES
    make_book: type = PaperBook
    kill: str = ""
    problems: list = field(default_factory=list)
    counts: Counter = field(default_factory=Counter)

    def __post_init__(self):
        self.hours = hours_at(self.opens)
        self.exchange = Exchange(self.opens, self.hours.closes_at, is_strict=self.is_strict)
        self.broker.exchange = self.exchange
        self.broker.next_fault = lambda method, path: None  # noqa: ARG005
        self.broker.late.clear()
        self.trail, self.meant, self.foreign = MemoryTrail(), {}, {}
        self.client = AlpacaPaper(self.broker.url, KEYS, PATIENT)
        self.book = self._book()

    def _book(self):
        return self.make_book(self.client, self.trail, self.rules, 5, lambda: self.kill)

    def wait_at_most(self, seconds):
        """Set how long the client waits for an answer."""
        self.client._http.timeout = seconds

    def alert(self, alerts, now):
        self.meant |= dict(zip(alerts["symbol"], alerts["shares"], strict=True))
        self._alive(lambda: self.book.on_alerts(alerts, now))

    def tick(self, now, prices=None):
        """Move the exchange, tick the book, and check what must hold."""
        self.exchange.advance(now, prices)
        self.broker.deliver_late()
        self._alive(lambda: self.book.tick(now))
        self.counts["ticks"] += 1
        self.counts["settled"] += self.book.is_settled
        self.check(now)

    def _alive(self, work):
        try:
            work()
        except KilledError:
            self.counts["kills"] += 1
            self.book = self._book()

    def check(self, now):
        """Note every rule that is broken."""
        exchange, said = self.exchange, self.problems.append
        for order_id, n in exchange.n_accepted.items():
            if n > 1:
                said(f"{now:%H:%M:%S} doubled order {order_id}")
        if exchange.lowest < 0:
            said(f"{now:%H:%M:%S} sold short")
        bought = Counter()
        for order in exchange.orders.values():
            if order["side"] == "buy" and order["symbol"] in self.meant:
                bought[order["symbol"]] += float(order["filled_qty"])
        for symbol, size in bought.items():
            if size > self.meant[symbol]:
                said(f"{now:%H:%M:%S} bought {size} of {symbol}, meant {self.meant[symbol]}")
        if not self.book.is_settled:
            return
        for symbol, (shares, _) in exchange.positions.items():
            own = shares - self.foreign.get(symbol, 0.0)
            if own and self.book.book.held().get(symbol) != own:
                said(f"{now:%H:%M:%S} lost position {symbol}: {own}")
            if own and now < self.hours.closes_at and exchange.protected(symbol) != own:
                said(f"{now:%H:%M:%S} {symbol}: {own} held, {exchange.protected(symbol)} protected")

    def finish(self):
        """Check the end of the day: nothing held, nothing live, the trail tells the same."""
        said = self.problems.append
        for symbol, (shares, _) in self.exchange.positions.items():
            if shares != self.foreign.get(symbol, 0.0):
                said(f"left open overnight: {shares} {symbol}")
        if not self.book.is_settled:
            said(f"the day did not settle: {self.book.lines()}")
        self.problems += differences(self.trail, self.exchange, self.foreign)
        self.client.close()
        return self.problems


def differences(trail, exchange, foreign):
    """Return where the fold of the trail and the broker differ."""
    book, found = fold(trail.events), []
    told = {
        one["client_order_id"]: one
        for order in exchange.orders.values()
        for one in (order, *(order["legs"] or ()))
    }
    known = {name for name, state in book.orders.items() if state.broker_order_id}
    if known != told.keys():
        found.append(f"orders differ: {known ^ told.keys()}")
    for name in known & told.keys():
        state, one = book.orders[name], told[name]
        ours = (state.status, state.filled, state.price or 0.0, state.quantity)
        theirs = (
            one["status"],
            float(one["filled_qty"]),
            float(one["filled_avg_price"] or 0.0),
            float(one["qty"]),
        )
        if ours != theirs:
            found.append(f"{name}: the trail says {ours}, the broker {theirs}")
    held = {
        symbol: shares - foreign.get(symbol, 0.0)
        for symbol, (shares, _) in exchange.positions.items()
        if shares != foreign.get(symbol, 0.0)
    }
    if book.held() != held:
        found.append(f"the trail holds {book.held()}, the broker {held}")
    if not held:
        made = sum(trade.realised_usd for trade in book.trades.values())
        if abs(made - exchange.cash) > 1e-6:
            found.append(f"the trail made {made}, the broker {exchange.cash}")
    return found


def bought(broker, *, shares=10, parts=None, faults=(), opens="03-05T14:30", **how):
    """Return a day on which AAA was alerted half an hour after the open, at its entry minute.

    `faults` meet the first orders sent, one each; `parts` of the entry fill at each moment.
    """
    scene = Scene(broker, utc(opens), **how)
    at = utc(opens) + timedelta(minutes=30)
    if parts:
        scene.exchange.shares_of_fill["AAA", "buy"] = list(parts)
    left = list(faults)
    if set(faults) & set(SLOW):
        scene.wait_at_most(HASTY)

    def next_fault(method, path):
        return left.pop(0) if left and (method, path) == ("POST", "/v2/orders") else None

    broker.next_fault = next_fault
    scene.exchange.advance(at, {"AAA": 100.0})
    scene.tick(at)
    scene.alert(alerts_of(("AAA", at, 98.0, 103.0, shares)), at)
    scene.tick(at + timedelta(minutes=1))
    scene.wait_at_most(PATIENT)
    return scene


def play(seed, broker, *, is_strict=True, make_book=PaperBook):
    """Play one scripted day and return its scene, finished."""
    rng = random.Random(seed)
    opens = utc(rng.choice(("03-05T14:30", "07-03T13:30", "11-04T14:30")))
    scene = Scene(broker, opens, is_strict, make_book=make_book)
    exchange, start = scene.exchange, opens + timedelta(minutes=rng.randint(5, 90))
    symbols = [f"S{n}" for n in range(rng.randint(1, 5))]
    rows, prices = [], {}
    for symbol in symbols:
        level = rng.choice((0.8, 20.0, 150.0))
        prices[symbol] = level
        shares = rng.choice((1, 7, 40, 300))
        rows.append((symbol, start, level * 0.98, level * 1.03, shares))
        if rng.random() < 0.35:
            exchange.shares_of_fill[symbol, "buy"] = [rng.choice((0.0, 0.3, 0.5)), 0.5]
        if rng.random() < 0.25:
            exchange.shares_of_fill[symbol, "sell"] = [rng.choice((0.0, 0.4)), 0.5]
        if rng.random() < 0.15:
            exchange.slow_cancels.add(symbol)
        if rng.random() < 0.15:
            exchange.refused[symbol, rng.choice(("bracket", "oco", "simple"))] = 1
        if rng.random() < 0.10:
            exchange.halted.add(symbol)
    if rng.random() < 0.2:
        scene.foreign[FOREIGN] = 11.0
        exchange.outsider(FOREIGN, 11.0, 50.0)
        exchange.cash = 0.0
    _script_faults(rng, scene, is_strict)
    exchange.advance(start, prices)
    scene.tick(start)
    scene.alert(alerts_of(*rows), start)
    now = start
    for _ in range(7):
        now += TICK
        scene.tick(now, {s: prices[s] * rng.uniform(0.995, 1.005) for s in symbols})
    _move(rng, scene, symbols, prices, now)
    return scene


def _move(rng, scene, symbols, prices, now):
    """Let the day go on to its end: targets, stops, a kill, the flatten, the close."""
    exchange, closes = scene.exchange, scene.hours.closes_at
    kill_at = rng.randint(0, 2) if rng.random() < 0.12 else None
    for n in range(3):
        now += timedelta(minutes=rng.randint(1, 8))
        exchange.halted.clear()
        moved = {s: prices[s] * rng.choice((0.97, 0.99, 1.0, 1.01, 1.04)) for s in symbols}
        if n == kill_at:
            scene.kill = "by hand"
        scene.tick(now, moved)
    for n in range(6):
        now = closes - scene.rules.flatten + (n - 1) * TICK
        if n == 4:
            scene.broker.next_fault = lambda method, path: None  # noqa: ARG005
            scene.wait_at_most(PATIENT)
            scene.trail.kill_at.clear()
            exchange.slow_cancels.clear()
        scene.tick(now)
    # What is not ours may be believed only now: it takes some ticks.
    for n in range(PATIENT_TICKS):
        scene.tick(closes + timedelta(minutes=1 + n))
    scene.counts["faults"] = sum(e.kind == "fault" for e in scene.trail.events)
    scene.counts["submits"] = sum(e.kind == "submit" for e in scene.trail.events)
    scene.counts["entries"] = sum(
        order["side"] == "buy" and float(order["filled_qty"]) > 0
        for order in exchange.orders.values()
    )
    scene.counts["halts"] = sum(e.kind == "halt" for e in scene.trail.events)
    scene.finish()


def _script_faults(rng, scene, is_strict):
    """Draw what goes wrong on the way, and where the process is killed."""
    share, n_slow = rng.choice((0.0, 0.1, 0.25)), rng.choice((0, 0, 0, 1))
    if n_slow:
        scene.wait_at_most(HASTY)
    outage = rng.randint(3, 40) if rng.random() < 0.1 else -1
    left = {"slow": n_slow, "outage": 8, "n": 0}
    quick = [fault for fault in FAULTS if fault not in SLOW]
    if not is_strict:
        # A broker that lets ids repeat gives no protection against the network itself.
        quick.remove("delivered twice")
    slow = SLOW if is_strict else ("slow after",)

    def next_fault(method, path):
        left["n"] += 1
        if 0 < outage <= left["n"] and left["outage"] > 0:
            left["outage"] -= 1
            return "drop before"
        if method == "POST" and left["slow"] > 0 and rng.random() < 0.4:
            left["slow"] -= 1
            return rng.choice(slow)
        more = 2.0 if method != "GET" else 1.0
        return rng.choice(quick) if path and rng.random() < share * more else None

    scene.broker.next_fault = next_fault
    for _ in range(rng.choice((0, 0, 1, 3))):
        scene.trail.kill_at[rng.randint(1, 30)] = rng.choice(("before", "after"))
