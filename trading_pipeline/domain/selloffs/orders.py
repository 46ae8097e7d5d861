"""From alerts to intended paper orders: which alert is traded, with what ids, prices and times."""

import hashlib
import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.broker import OrderRequest
from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs.book import Book, Trade

# The bar whose open is the entry of the trade rule: an order that has not filled in it is late.
ENTRY_WINDOW: Final = timedelta(minutes=1)
_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TradingRules:
    """What limits the paper trades; money in USD."""

    max_open_positions: int
    loss_limit_r: float
    r_usd: float
    entry_delay: timedelta
    last_entry: timedelta
    flatten: timedelta


@dataclass(frozen=True, slots=True)
class Hours:
    """The regular hours of one session, in UTC."""

    session_date: date
    opens_at: datetime
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done about one alert: an entry is planned, or declined for a reason."""

    alert_id: str
    symbol: str
    reason: str
    request: OrderRequest | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None


def rules_of(config: PipelineConfig) -> TradingRules:
    """Return the rules that settings hold: sections broker and selloffs.trade."""
    trade, broker = config.selloffs.trade, config.broker
    return TradingRules(
        max_open_positions=broker.max_open_positions,
        loss_limit_r=broker.daily_loss_limit_r,
        r_usd=trade.capital_usd * trade.risk_frac,
        entry_delay=timedelta(minutes=trade.verdict_delay_minutes),
        last_entry=timedelta(minutes=trade.last_entry_minutes),
        flatten=timedelta(minutes=broker.flatten_minutes),
    )


@lru_cache(maxsize=1)
def _opens() -> tuple[pd.DataFrame, NDArray[np.int64]]:
    table = session_table()
    return table, table["opens_at"].dt.tz_localize(None).to_numpy().astype("int64")


def hours_at(now: datetime) -> Hours:
    """Return the hours of the newest session that has opened by an instant; half-days are short.

    Raises ValueError outside the calendar.
    """
    table, opens = _opens()
    at = int(np.searchsorted(opens, pd.Timestamp(now).value, side="right")) - 1
    if at < 0:
        raise ValueError(f"{now} lies before the calendar")
    row = table.iloc[at]
    return Hours(
        row["session_date"].date(),
        row["opens_at"].to_pydatetime(),
        row["closes_at"].to_pydatetime(),
    )


def order_id(alert_id: str, role: str, number: int = 0) -> str:
    """Return the client id of an order: the same alert, role and number, the same id, always."""
    text = f"{alert_id}|{role}|{number}"
    return f"tp-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def decisions_of(
    alerts: pd.DataFrame,
    book: Book,
    hours: Hours,
    rules: TradingRules,
    now: datetime,
) -> list[Decision]:
    """Return what is done about new alerts, best rank first.

    Args:
        alerts: Rows of selloffs.alerts, in any order. Withheld, replayed or riskless ones and
            those decided before are passed over in silence.
        book: The book as it is.
        hours: The session.
        rules: Limits.
        now: The clock.
    """
    is_wanted = (alerts["status"] == "alert") & (alerts["mode"] == "live")
    wanted = alerts[is_wanted & (alerts["risk_tier"] > 0)]
    wanted = wanted.sort_values(["detected_at", "rank", "alert_id"], kind="stable")
    n_open, taken = (
        len(book.unfinished()),
        {trade.symbol for trade in book.of_session(hours.session_date)},
    )
    found = []
    for row in wanted.drop_duplicates("alert_id").to_dict("records"):
        alert_id, symbol = str(row["alert_id"]), str(row["symbol"])
        if alert_id in book.trades or alert_id in book.declined:
            continue
        not_before = _entry_time(row["detected_at"], rules)
        reason = _objection(row, not_before, book, hours, rules, now)
        if not reason and symbol in taken:
            reason = "one position per symbol and session"
        if not reason and n_open >= rules.max_open_positions:
            reason = f"{n_open} positions are open, the most there may be"
        request = None if reason else entry_request(row)
        if not reason and request is None:
            reason = "its prices leave no trade: stop, entry and target must ascend"
        if request is None:
            found.append(Decision(alert_id, symbol, reason))
            continue
        n_open += 1
        taken.add(symbol)
        found.append(Decision(alert_id, symbol, "", request, not_before, not_before + ENTRY_WINDOW))
    return found


def _entry_time(detected_at: pd.Timestamp, rules: TradingRules) -> datetime:
    """Return the start of the first minute at which the trade rule enters."""
    earliest = detected_at.to_pydatetime() + rules.entry_delay
    floor: datetime = earliest.replace(second=0, microsecond=0)
    return floor if floor == earliest else floor + _MINUTE


def _objection(
    row: dict[Any, Any],
    not_before: datetime,
    book: Book,
    hours: Hours,
    rules: TradingRules,
    now: datetime,
) -> str:
    """Return why an alert is not traded, whatever else is open; empty where nothing speaks."""
    symbol = str(row["symbol"])
    objections = (
        (row["session_date"].date() != hours.session_date, "it is of another session"),
        (bool(book.halted(hours.session_date)), f"halted: {book.halted(hours.session_date)}"),
        (symbol in book.foreign, "the account holds shares of it that are not ours"),
        (
            not row["shares"] >= 1,
            "it carries no whole share: its risk is too small, or it is not its symbol's first",
        ),
        (
            not_before > hours.closes_at - rules.last_entry,
            f"no entry in the last {rules.last_entry} of a session",
        ),
        (now >= not_before + ENTRY_WINDOW, "it came after its entry minute"),
    )
    return next((reason for speaks, reason in objections if speaks), "")


def entry_request(row: dict[Any, Any]) -> OrderRequest | None:
    """Return the bracket of an alert, None where its prices leave no trade.

    The entry is a limit just under the target: it fills at market, and never where the trade
    rule would not trade. Prices are cut to the tick.
    """
    prices = [float(row[name]) for name in ("stop_price", "target_price", "close")]
    if not all(math.isfinite(price) and price > 0 for price in prices):
        return None
    tick = 0.01 if prices[0] >= 1.0 else 0.0001
    stop, target = (math.floor(price / tick + 1e-6) * tick for price in prices[:2])
    limit = target - tick
    if not 0 < stop < limit:
        return None
    return OrderRequest(
        client_order_id=order_id(str(row["alert_id"]), "entry"),
        symbol=str(row["symbol"]),
        side="buy",
        quantity=math.floor(row["shares"]),
        order_class="bracket",
        order_type="limit",
        limit_price=round(limit, 4),
        target_price=round(target, 4),
        stop_price=round(stop, 4),
    )


def resent_entry(trade: Trade) -> OrderRequest:
    """Return the bracket of a planned trade as it was first meant."""
    plan = trade.plan
    return OrderRequest(
        client_order_id=trade.entry.client_order_id,
        symbol=trade.symbol,
        side="buy",
        quantity=int(trade.entry.quantity),
        order_class="bracket",
        order_type="limit",
        limit_price=float(plan["limit"]),
        target_price=float(plan["target"]),
        stop_price=float(plan["stop"]),
    )


def protection(trade: Trade, quantity: int, number: int) -> OrderRequest:
    """Return the order that sells what is held at the trade's target or stop."""
    return OrderRequest(
        client_order_id=order_id(trade.alert_id, "protect", number),
        symbol=trade.symbol,
        side="sell",
        quantity=quantity,
        order_class="oco",
        order_type="limit",
        target_price=float(trade.plan["target"]),
        stop_price=float(trade.plan["stop"]),
    )


def way_out(trade: Trade, quantity: int, number: int) -> OrderRequest:
    """Return the order that sells what is held at market."""
    return OrderRequest(
        client_order_id=order_id(trade.alert_id, "exit", number),
        symbol=trade.symbol,
        side="sell",
        quantity=quantity,
        order_class="simple",
        order_type="market",
    )
