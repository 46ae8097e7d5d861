"""Alpaca: bars, quotes, news, calendar and corporate actions of US stocks.

Quote sizes are as delivered (round lots until late 2025). The calendar stands on Alpaca's trading
host: `vendors.alpaca.base_url` names the host for all calls. Declaration dates are not given, so
a corporate action's `known_at` is missing and cleaning takes the opening of the ex-date; its
process date is the day Alpaca books it, for dividends weeks after the price has moved.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from trading_pipeline.adapters.vendors.answers import (
    Answer,
    Row,
    empty_times,
    mentioned,
    object_column,
)
from trading_pipeline.adapters.vendors.keys import key_of, keys_given
from trading_pipeline.adapters.vendors.moments import NEW_YORK, day_end, day_start, iso
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Call, Dataset, Page, Wanted

KEY_IDS: Final = ("APCA_API_KEY_ID", "ALPACA_API_KEY")
SECRET_KEYS: Final = ("APCA_API_SECRET_KEY", "ALPACA_SECRET_KEY")
PATHS: Final[Mapping[Dataset, str]] = {
    "daily": "/v2/stocks/bars",
    "minute": "/v2/stocks/bars",
    "quotes": "/v2/stocks/quotes",
    "news": "/v1beta1/news",
    "corporate_actions": "/v1/corporate-actions",
    "calendar": "/v2/calendar",
}
MAX_NEWS = 50
MAX_ACTIONS = 1000
# Groups of an answer by what they are here: (symbol's field, date's field). Mergers, spin-offs
# and redemptions are neither splits nor dividends and are not asked for.
RATIO_GROUPS: Final = {
    "forward_splits": (("symbol",), "ex_date"),
    "reverse_splits": (("symbol",), "ex_date"),
    "unit_splits": (("old_symbol", "new_symbol"), "effective_date"),
}
ACTION_TYPES = "forward_split,reverse_split,unit_split,stock_dividend,cash_dividend"


class Alpaca:
    """Calls and answers of Alpaca's market data API, version 2."""

    name = "alpaca"
    key_variables: tuple[str, ...] = (KEY_IDS[0], SECRET_KEYS[0])
    datasets: frozenset[Dataset] = frozenset(PATHS)

    def __init__(self, config: VendorConfig, keys: Mapping[str, str]) -> None:
        self.base_url = config.base_url
        self._page_limit = config.page_limit
        self._keys = keys

    def secrets(self) -> Mapping[str, str]:
        """Return the two key headers. Raises InputError naming the missing variable."""
        return {
            "APCA-API-KEY-ID": key_of(self._keys, self.name, KEY_IDS),
            "APCA-API-SECRET-KEY": key_of(self._keys, self.name, SECRET_KEYS),
        }

    def secret_params(self) -> Mapping[str, str]:
        """Return none: the key stands in headers."""
        return {}

    def first_call(self, wanted: Wanted) -> Call:
        """Return the call for the first page. Raises InputError on a dataset it does not have."""
        dataset = wanted.dataset
        if dataset not in PATHS:
            raise InputError(f"alpaca has no {dataset}; choose among {', '.join(sorted(PATHS))}")
        if dataset == "calendar":
            days = (("start", str(wanted.start)), ("end", str(wanted.end)))
            return Call(PATHS[dataset], days)
        if not wanted.symbols:
            raise InputError(f"alpaca gives {dataset} by symbol; name symbols")
        symbols = ("symbols", ",".join(wanted.symbols))
        if dataset == "corporate_actions":
            span = (("start", str(wanted.start)), ("end", str(wanted.end)))
            limit = ("limit", str(min(self._page_limit, MAX_ACTIONS)))
            return Call(PATHS[dataset], (symbols, ("types", ACTION_TYPES), *span, limit))
        # Both ends are included.
        last = day_end(wanted.end) - pd.Timedelta(seconds=1)
        span = (("start", iso(day_start(wanted.start))), ("end", iso(last)))
        most = MAX_NEWS if dataset == "news" else self._page_limit
        page = (("limit", str(min(self._page_limit, most))), ("sort", "asc"))
        if dataset in ("daily", "minute"):
            timeframe = ("timeframe", "1Day" if dataset == "daily" else "1Min")
            return Call(PATHS[dataset], (symbols, timeframe, *span, *page, ("adjustment", "raw")))
        return Call(PATHS[dataset], (symbols, *span, *page))

    def parse(self, wanted: Wanted, call: Call, body: bytes) -> Page:
        """Read an answer. Raises VendorAnswerError, and nothing else, where it is unusable."""
        answer = Answer(self.name, wanted, body, keys_given(self._keys, KEY_IDS + SECRET_KEYS))
        document = answer.document()
        if wanted.dataset == "calendar":
            return Page(_calendar(answer, answer.rows(document, "the calendar")))
        content = answer.mapping(document, "the answer")
        readers = {
            "daily": _bars,
            "minute": _bars,
            "quotes": _quotes,
            "news": _news,
            "corporate_actions": _corporate_actions,
        }
        rows = readers[wanted.dataset](answer, content)
        # Without this member nothing says whether the page was the last.
        token = answer.token(answer.field(content, "next_page_token"), "next_page_token")
        if token is None:
            return Page(rows)
        others = tuple(pair for pair in call.params if pair[0] != "page_token")
        return Page(rows, Call(call.path, (*others, ("page_token", token))))


def _by_symbol(answer: Answer, content: dict[str, Any], name: str) -> tuple[list[str], list[Row]]:
    """Return all rows of an object of lists by symbol, and the symbol of each."""
    symbols: list[str] = []
    rows: list[Row] = []
    for symbol, given in answer.mapping(answer.field(content, name), name).items():
        found = answer.rows(given, f"{name} of {answer.asked(symbol)}")
        symbols += [symbol] * len(found)
        rows += found
    return symbols, rows


def _bars(answer: Answer, content: dict[str, Any]) -> pd.DataFrame:
    symbols, rows = _by_symbol(answer, content, "bars")
    fields = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    columns: dict[str, Any] = {name: answer.numbers(rows, key) for name, key in fields.items()}
    instants = answer.instants(rows, "t")
    if answer.wanted.dataset == "daily":
        columns["ts"] = answer.sessions(instants)
        columns["vwap"] = answer.numbers(rows, "vw", optional=True)
    else:
        columns["ts"] = answer.moments_asked(instants, whole_minutes=True)
    return answer.page({"symbol": object_column(symbols), **columns})


def _quotes(answer: Answer, content: dict[str, Any]) -> pd.DataFrame:
    symbols, rows = _by_symbol(answer, content, "quotes")
    columns = {
        "symbol": object_column(symbols),
        "ts": answer.moments_asked(answer.instants(rows, "t"), whole_minutes=False),
        "bid": answer.numbers(rows, "bp"),
        "ask": answer.numbers(rows, "ap"),
        "bid_size": answer.numbers(rows, "bs"),
        "ask_size": answer.numbers(rows, "as"),
    }
    for side in ("bid", "ask"):
        # A price of zero says that nobody stands on this side.
        columns[side] = np.where(columns[side] == 0, np.nan, columns[side])
    return answer.page(columns)


def _news(answer: Answer, content: dict[str, Any]) -> pd.DataFrame:
    items = answer.rows(answer.field(content, "news"), "news")
    rows: list[Row] = []
    symbols: list[str] = []
    for item in items:
        about = mentioned(answer, answer.field(item, "symbols"))
        symbols += about
        rows += [item] * len(about)
    identifiers = [str(answer.whole(row.get("id"), "id")) for row in rows]
    columns = {
        "news_id": object_column(identifiers),
        "symbol": object_column(symbols),
        "published_at": answer.instants(rows, "created_at"),
        "updated_at": answer.instants(rows, "updated_at", optional=True),
        "headline": answer.texts(rows, "headline"),
        "summary": answer.texts(rows, "summary", optional=True),
        "source": answer.texts(rows, "source", optional=True),
    }
    return answer.page(columns)


def _calendar(answer: Answer, rows: list[Row]) -> pd.DataFrame:
    dates = answer.dates(rows, "date")
    days = np.datetime_as_string(dates, unit="D")
    columns = {"session_date": dates}
    for column, field in (("opens_at", "open"), ("closes_at", "close")):
        clocks = answer.texts(rows, field)
        stamps = [{field: f"{day}T{clock}:00Z"} for day, clock in zip(days, clocks, strict=True)]
        local = pd.DatetimeIndex(answer.instants(stamps, field))
        aware = local.tz_localize(NEW_YORK, ambiguous="NaT", nonexistent="NaT")
        if pd.isna(aware).any():
            answer.refuse(f"{field} falls into the hour in which New York changes its clocks")
        columns[column] = aware.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ns]")
    return answer.page(columns)


def _corporate_actions(answer: Answer, content: dict[str, Any]) -> pd.DataFrame:
    groups = answer.mapping(answer.field(content, "corporate_actions"), "corporate_actions")
    parts = [_ratios(answer, groups, name) for name in RATIO_GROUPS]
    for name in ("stock_dividends", "cash_dividends"):
        rows = answer.rows(groups.get(name, []), name)
        rates = answer.numbers(rows, "rate")
        is_cash = name == "cash_dividends"
        missing = np.full(len(rows), np.nan)
        parts.append(
            _actions(
                answer,
                [answer.asked(row.get("symbol")) for row in rows],
                answer.dates(rows, "ex_date"),
                "dividend" if is_cash else "split",
                missing if is_cash else 1 + rates,
                rates if is_cash else missing,
            )
        )
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _ratios(answer: Answer, groups: dict[str, Any], name: str) -> pd.DataFrame:
    symbol_fields, date_field = RATIO_GROUPS[name]
    rows = answer.rows(groups.get(name, []), name)
    new = answer.numbers(rows, "new_rate")
    old = answer.numbers(rows, "old_rate")
    ratio = answer.ratio(new, old, f"the rates of {name}")
    symbols = [_symbol_of(answer, row, symbol_fields) for row in rows]
    dates = answer.dates(rows, date_field)
    return _actions(answer, symbols, dates, "split", ratio, np.full(len(rows), np.nan))


def _symbol_of(answer: Answer, row: Row, fields: tuple[str, ...]) -> str:
    given = [row.get(field) for field in fields]
    wanted = [symbol for symbol in given if symbol in answer.wanted.symbols]
    return answer.asked(wanted[0] if wanted else given[0])


def _actions(
    answer: Answer, symbols: list[str], dates: Any, action: str, ratio: Any, amount_usd: Any
) -> pd.DataFrame:
    columns = {
        "symbol": object_column(symbols),
        "ex_date": dates,
        "action": object_column([action] * len(symbols)),
        "ratio": ratio,
        "amount_usd": amount_usd,
        "known_at": empty_times(len(symbols)),
    }
    return answer.page(columns)
