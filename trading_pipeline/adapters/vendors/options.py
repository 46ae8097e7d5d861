"""Walking an option chain: one expiry after another, calls before puts, by rising strike.

A page tells only what to call next, so every call names the contract before it and the next one
is asked for: two calls a contract, and three an expiry. Listed are the contracts known at the
wanted range's first day that expire within it or NEAR_EXPIRY_DAYS after; contracts listed later
are not among them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import pandas as pd

from trading_pipeline.adapters.vendors.answers import Answer, Row, object_column
from trading_pipeline.adapters.vendors.moments import Instants
from trading_pipeline.contracts.vendors import Call, Wanted

CONTRACTS = "/v3/reference/options/contracts"
NEAR_EXPIRY_DAYS = 45
# Contracts of one strike that differ in what they deliver come together; the standard one is used.
SAME_STRIKE_LIMIT = "10"
Right = Literal["call", "put"]
# O, root, year, month, day, right, strike in thousandths of a dollar.
_TICKER: Final = re.compile(r"O:([A-Z]{1,6}[0-9]?)([0-9]{2})([0-9]{2})([0-9]{2})([CP])([0-9]{8})")


@dataclass(frozen=True, slots=True)
class Contract:
    """One option contract; strike in USD a share."""

    ticker: str
    right: Right
    strike: float
    expiry: date


def contract_of(answer: Answer, ticker: object) -> Contract:
    """Return the contract a ticker such as O:AAPL240119C00190000 names."""
    found = _TICKER.fullmatch(ticker) if isinstance(ticker, str) else None
    if found is None:
        answer.refuse(f"{ticker!r:.40} is no option's ticker")
    _, year, month, day, letter, strike = found.groups()
    try:
        expiry = date(2000 + int(year), int(month), int(day))
    except ValueError:
        answer.refuse(f"{ticker} expires on no date of the calendar")
    return Contract(found[0], "call" if letter == "C" else "put", int(strike) / 1000, expiry)


def next_expiry(wanted: Wanted, after: date | None) -> Call:
    """Return the call for the first expiry of the range, or the one after another."""
    first = (
        ("expiration_date.gt", str(after)) if after else ("expiration_date.gte", str(wanted.start))
    )
    last = ("expiration_date.lte", str(wanted.end + timedelta(days=NEAR_EXPIRY_DAYS)))
    return _list_call(wanted, (first, last), "expiration_date")


def first_strike(wanted: Wanted, expiry: date, right: Right = "call") -> Call:
    """Return the call for the lowest strike of an expiry's calls or puts."""
    return _list_call(wanted, _side(expiry, right), "strike_price")


def next_strike(wanted: Wanted, contract: Contract) -> Call:
    """Return the call for the contract that follows one of the same expiry and right."""
    above = ("strike_price.gt", f"{contract.strike:.3f}")
    return _list_call(wanted, (*_side(contract.expiry, contract.right), above), "strike_price")


def looks_for_expiry(call: Call) -> bool:
    """Return whether a list call asks for an expiry, not for a strike of one."""
    return ("sort", "expiration_date") in call.params


def after_empty(wanted: Wanted, call: Call) -> Call | None:
    """Return what follows a list call without a result: the puts, the next expiry, or the end."""
    if looks_for_expiry(call):
        return None
    asked = dict(call.params)
    expiry = date.fromisoformat(asked["expiration_date"])
    if asked["contract_type"] == "call":
        return first_strike(wanted, expiry, "put")
    return next_expiry(wanted, expiry)


def first_contract(answer: Answer, rows: Sequence[Row]) -> Contract | None:
    """Return the first listed contract; of one strike the one with the plainest root."""
    if not rows:
        return None
    found = []
    for row in rows:
        answer.asked(row.get("underlying_ticker"))
        found.append(contract_of(answer, row.get("ticker")))
    same = [c for c in found if (c.expiry, c.strike) == (found[0].expiry, found[0].strike)]
    return min(same, key=lambda contract: (len(contract.ticker), contract.ticker))


def contract_rows(
    answer: Answer, contract: Contract | None, rows: Sequence[Row], sessions: Instants
) -> pd.DataFrame:
    """Return a contract's daily aggregates as rows of `options`."""
    n = len(rows)
    strike, expiry = (contract.strike, contract.expiry) if contract else (np.nan, None)
    columns = {
        "symbol": object_column([answer.wanted.symbols[0]] * n),
        "contract": object_column([contract.ticker if contract else None] * n),
        "ts": sessions,
        "right": object_column([contract.right if contract else None] * n),
        "strike": np.full(n, strike),
        "expiry": np.full(n, np.datetime64(expiry, "ns")),
        "volume": answer.numbers(rows, "v"),
        "vwap": answer.numbers(rows, "vw", optional=True),
    }
    return answer.page(columns)


def _side(expiry: date, right: Right) -> tuple[tuple[str, str], ...]:
    return (("expiration_date", str(expiry)), ("contract_type", right))


def _list_call(wanted: Wanted, conditions: tuple[tuple[str, str], ...], sort: str) -> Call:
    listed = (("underlying_ticker", wanted.symbols[0]), ("as_of", str(wanted.start)))
    order = (("order", "asc"), ("sort", sort), ("limit", SAME_STRIKE_LIMIT))
    return Call(CONTRACTS, (*listed, *conditions, *order))
