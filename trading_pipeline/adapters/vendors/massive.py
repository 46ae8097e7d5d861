"""Massive (formerly Polygon): aggregates, quotes, reference data, options and news of US stocks.

One symbol a call. Corporate actions are read from two lists, splits and then dividends. Quote
sizes are as delivered (round lots).
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import numpy as np
import pandas as pd

from trading_pipeline.adapters.vendors import options
from trading_pipeline.adapters.vendors.answers import (
    Answer,
    Row,
    empty_times,
    mentioned,
    object_column,
)
from trading_pipeline.adapters.vendors.keys import key_of, keys_given
from trading_pipeline.adapters.vendors.moments import NEW_YORK, Instants, day_end, day_start, iso
from trading_pipeline.contracts.data_config import VendorConfig
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import Call, Dataset, Page, Wanted

KEYS: Final = ("MASSIVE_API_KEY", "POLYGON_API_KEY")
SPLITS = "/v3/reference/splits"
DIVIDENDS = "/v3/reference/dividends"
TICKERS = "/v3/reference/tickers"
NEWS = "/v2/reference/news"
DATASETS: Final[frozenset[Dataset]] = frozenset(
    {"daily", "minute", "quotes", "news", "corporate_actions", "tickers", "options"}
)
MAX_REFERENCE_ROWS = 1000
SECRET_PARAMS = ("apikey", "api_key")
KINDS: Final = {"CS": "equity", "ADRC": "equity", "INDEX": "index"}
KINDS_OF_FUNDS: Final = ("ETF", "ETN", "ETV", "ETS")


class Massive:
    """Calls and answers of Massive's REST API, versions 2 and 3."""

    name = "massive"
    key_variables: tuple[str, ...] = KEYS
    datasets = DATASETS

    def __init__(self, config: VendorConfig, keys: Mapping[str, str]) -> None:
        self.base_url = config.base_url
        self._page_limit = config.page_limit
        self._keys = keys

    def secrets(self) -> Mapping[str, str]:
        """Return the key header. Raises InputError naming the missing variable."""
        return {"Authorization": f"Bearer {key_of(self._keys, self.name, KEYS)}"}

    def secret_params(self) -> Mapping[str, str]:
        """Return none: the key stands in a header."""
        return {}

    def first_call(self, wanted: Wanted) -> Call:
        """Return the call for the first page.

        Raises:
            InputError: A dataset Massive does not have, or not one symbol. Of `tickers` no symbol
                stands for all.
        """
        dataset = wanted.dataset
        if dataset not in DATASETS:
            known = ", ".join(sorted(DATASETS))
            raise InputError(f"massive has no {dataset}; choose among {known}")
        if len(wanted.symbols) != 1 and not (dataset == "tickers" and not wanted.symbols):
            raise InputError(
                f"massive gives {dataset} one symbol a call, not {len(wanted.symbols)}; "
                "set vendors.massive.symbols_per_call = 1"
            )
        if dataset == "tickers":
            return self._tickers_call(wanted, active=True)
        symbol = wanted.symbols[0]
        limit = ("limit", str(min(self._page_limit, MAX_REFERENCE_ROWS)))
        if dataset == "corporate_actions":
            return _dated_call(SPLITS, "execution_date", wanted, limit)
        if dataset == "options":
            return options.next_expiry(wanted, None)
        if dataset in ("daily", "minute"):
            timespan = "day" if dataset == "daily" else "minute"
            return aggregates_call(symbol, timespan, wanted, self._page_limit)
        if dataset == "news":
            span = (
                ("published_utc.gte", iso(day_start(wanted.start))),
                ("published_utc.lt", iso(day_end(wanted.end))),
            )
            order = (("order", "asc"), ("sort", "published_utc"), limit)
            return Call(NEWS, (("ticker", symbol), *span, *order))
        span = (
            ("timestamp.gte", iso(day_start(wanted.start))),
            ("timestamp.lt", iso(day_end(wanted.end))),
        )
        order = (("order", "asc"), ("sort", "timestamp"), ("limit", str(self._page_limit)))
        return Call(f"/v3/quotes/{quote(symbol, safe=':')}", (*span, *order))

    def parse(self, wanted: Wanted, call: Call, body: bytes) -> Page:
        """Read an answer. Raises VendorAnswerError, and nothing else, where it is unusable."""
        answer = Answer(self.name, wanted, body, keys_given(self._keys, KEYS))
        content = answer.mapping(answer.document(), "the answer")
        status = content.get("status")
        if status not in ("OK", "DELAYED"):
            answer.refuse(f"the status is {status!r:.40}")
        following = _next_call(answer, call, content)
        dataset = wanted.dataset
        if dataset == "options":
            return self._options_page(answer, call, content, following)
        if dataset in ("daily", "minute"):
            return Page(_bars(answer, call, content), following)
        rows = answer.rows(answer.field(content, "results"), "results")
        if dataset == "quotes":
            return Page(_quotes(answer, call, rows), following)
        if dataset == "news":
            return Page(_news(answer, rows), following)
        if dataset == "tickers":
            if following is None and ("active", "true") in call.params:
                following = self._tickers_call(wanted, active=False)
            return Page(_tickers(answer, rows), following)
        if call.path == DIVIDENDS:
            return Page(_dividends(answer, rows), following)
        if following is None:
            limit = ("limit", str(min(self._page_limit, MAX_REFERENCE_ROWS)))
            following = _dated_call(DIVIDENDS, "ex_dividend_date", wanted, limit)
        return Page(_splits(answer, rows), following)

    def _tickers_call(self, wanted: Wanted, *, active: bool) -> Call:
        named = tuple(("ticker", symbol) for symbol in wanted.symbols)
        order = (("order", "asc"), ("sort", "ticker"))
        limit = ("limit", str(min(self._page_limit, MAX_REFERENCE_ROWS)))
        state = ("active", "true" if active else "false")
        return Call(TICKERS, (*named, ("market", "stocks"), state, *order, limit))

    def _options_page(
        self, answer: Answer, call: Call, content: dict[str, Any], following: Call | None
    ) -> Page:
        wanted = answer.wanted
        if call.path == options.CONTRACTS:
            rows = answer.rows(answer.field(content, "results"), "results")
            contract = options.first_contract(answer, rows)
            empty = options.contract_rows(answer, None, [], empty_times(0))
            if contract is None:
                return Page(empty, options.after_empty(wanted, call))
            if options.looks_for_expiry(call):
                return Page(empty, options.first_strike(wanted, contract.expiry))
            return Page(empty, aggregates_call(contract.ticker, "day", wanted, self._page_limit))
        ticker = unquote(call.path.split("/")[4])
        contract = options.contract_of(answer, ticker)
        rows = _aggregates(answer, call, content, ticker)
        times = answer.sessions(answer.epochs(rows, "t", "ms"))
        frame = options.contract_rows(answer, contract, rows, times)
        return Page(frame, following or options.next_strike(wanted, contract))


def aggregates_call(ticker: str, timespan: str, wanted: Wanted, limit: int) -> Call:
    """Return the call for raw bars of one ticker."""
    span = f"{wanted.start}/{wanted.end}"
    path = f"/v2/aggs/ticker/{quote(ticker, safe=':')}/range/1/{timespan}/{span}"
    return Call(path, (("adjusted", "false"), ("sort", "asc"), ("limit", str(limit))))


def _dated_call(path: str, field: str, wanted: Wanted, limit: tuple[str, str]) -> Call:
    span = ((f"{field}.gte", str(wanted.start)), (f"{field}.lte", str(wanted.end)))
    order = (("order", "asc"), ("sort", field))
    return Call(path, (("ticker", wanted.symbols[0]), *span, *order, limit))


def _next_call(answer: Answer, call: Call, content: dict[str, Any]) -> Call | None:
    """Return the call of `next_url`: its path and parameters without host and key."""
    url = answer.token(content.get("next_url"), "next_url")
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        params = parse_qsl(parts.query, strict_parsing=True, max_num_fields=50)
    except ValueError:
        answer.refuse("next_url is no address")
    # A range's ends move while it is paged; what is asked for does not.
    depth = 8 if call.path.startswith("/v2/aggs/") else None
    if unquote(parts.path).split("/")[:depth] != unquote(call.path).split("/")[:depth]:
        answer.refuse(f"next_url leads to {parts.path[:80]}, away from {call.path}")
    kept = [(name, value) for name, value in params if name.lower() not in SECRET_PARAMS]
    # The cursor holds the query; whether the listed are active is also ours to know.
    if call.path == TICKERS and not any(name == "active" for name, _ in kept):
        kept += [pair for pair in call.params if pair[0] == "active"]
    # So is whether adjusted prices would contradict the call.
    if call.path.startswith("/v2/aggs/") and not any(name == "adjusted" for name, _ in kept):
        kept += [pair for pair in call.params if pair[0] == "adjusted"]
    return Call(parts.path, tuple(kept))


def _aggregates(answer: Answer, call: Call, content: dict[str, Any], ticker: str) -> list[Row]:
    if answer.field(content, "ticker") != ticker:
        answer.refuse(f"the answer is about {content['ticker']!r:.40}, not {ticker}")
    if ("adjusted", "false") in call.params and answer.field(content, "adjusted") is not False:
        answer.refuse("the prices are adjusted, raw ones were asked for")
    count = answer.whole(answer.field(content, "resultsCount"), "resultsCount")
    rows = answer.rows(content.get("results", []), "results")
    if len(rows) != count:
        answer.refuse(f"resultsCount is {count}, but {len(rows)} rows came")
    return rows


def _bars(answer: Answer, call: Call, content: dict[str, Any]) -> pd.DataFrame:
    symbol = answer.asked(unquote(call.path.split("/")[4]))
    rows = _aggregates(answer, call, content, symbol)
    fields = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
    columns: dict[str, Any] = {name: answer.numbers(rows, key) for name, key in fields.items()}
    instants = answer.epochs(rows, "t", "ms")
    if answer.wanted.dataset == "daily":
        columns["ts"] = answer.sessions(instants)
        columns["vwap"] = answer.numbers(rows, "vw", optional=True)
    else:
        columns["ts"] = answer.moments_asked(instants, whole_minutes=True)
    return answer.page({"symbol": object_column([symbol] * len(rows)), **columns})


def _quotes(answer: Answer, call: Call, rows: list[Row]) -> pd.DataFrame:
    symbol = answer.asked(unquote(call.path.split("/")[3]))
    instants = answer.epochs(rows, "sip_timestamp", "ns")
    columns: dict[str, Any] = {
        "symbol": object_column([symbol] * len(rows)),
        "ts": answer.moments_asked(instants, whole_minutes=False),
    }
    for side in ("bid", "ask"):
        price = answer.numbers(rows, f"{side}_price", optional=True)
        # A price of zero says that nobody stands on this side.
        columns[side] = np.where(price == 0, np.nan, price)
        columns[f"{side}_size"] = answer.numbers(rows, f"{side}_size", optional=True)
    return answer.page(columns)


def _news(answer: Answer, rows: list[Row]) -> pd.DataFrame:
    items: list[Row] = []
    symbols: list[str] = []
    for row in rows:
        about = mentioned(answer, answer.field(row, "tickers"))
        symbols += about
        items += [row] * len(about)
    publishers = [answer.mapping(item.get("publisher"), "publisher") for item in items]
    columns = {
        "news_id": answer.texts(items, "id"),
        "symbol": object_column(symbols),
        "published_at": answer.instants(items, "published_utc"),
        "updated_at": empty_times(len(items)),
        "headline": answer.texts(items, "title"),
        "summary": answer.texts(items, "description", optional=True),
        "source": answer.texts(publishers, "name", optional=True),
    }
    return answer.page(columns)


def _tickers(answer: Answer, rows: list[Row]) -> pd.DataFrame:
    types = answer.texts(rows, "type", optional=True)
    active = [row.get("active") for row in rows]
    if set(map(type, active)) - {bool}:
        answer.refuse("active is no truth value")
    kinds = [KINDS.get(name, "etf" if name in KINDS_OF_FUNDS else None) for name in types]
    columns = {
        "symbol": object_column([answer.asked(row.get("ticker")) for row in rows]),
        "name": answer.texts(rows, "name", optional=True),
        "kind": object_column(kinds),
        "is_active": object_column(active),
        "delisted_at": answer.instants(rows, "delisted_utc", optional=True),
    }
    return answer.page(columns)


def _splits(answer: Answer, rows: list[Row]) -> pd.DataFrame:
    new, old = answer.numbers(rows, "split_to"), answer.numbers(rows, "split_from")
    dates = answer.dates(rows, "execution_date")
    return answer.page(
        {
            "symbol": object_column([answer.asked(row.get("ticker")) for row in rows]),
            "ex_date": dates,
            "action": object_column(["split"] * len(rows)),
            "ratio": answer.ratio(new, old, "split_to and split_from"),
            "amount_usd": np.full(len(rows), np.nan),
            "known_at": empty_times(len(rows)),
        }
    )


def _dividends(answer: Answer, rows: list[Row]) -> pd.DataFrame:
    amounts = answer.numbers(rows, "cash_amount")
    currencies = answer.texts(rows, "currency", optional=True)
    in_dollars = [currency is None or currency.upper() == "USD" for currency in currencies]
    dates = answer.dates(rows, "ex_dividend_date")
    declared = answer.dates(rows, "declaration_date", optional=True)
    return answer.page(
        {
            "symbol": object_column([answer.asked(row.get("ticker")) for row in rows]),
            "ex_date": dates,
            "action": object_column(["dividend"] * len(rows)),
            "ratio": np.full(len(rows), np.nan),
            "amount_usd": np.where(in_dollars, amounts, np.nan),
            "known_at": _after_declaration(declared, dates),
        }
    )


def _after_declaration(declared: Instants, ex_dates: Instants) -> Instants:
    """Return the New York midnight after the declaration; its hour is not given.

    Missing where that would lie after the opening of an ex-date declared on its own day.
    """
    nights = pd.DatetimeIndex(declared) + pd.Timedelta(days=1)
    known = nights.tz_localize(NEW_YORK).tz_convert("UTC").tz_localize(None)
    instants = known.to_numpy("datetime64[ns]")
    return np.where(declared == ex_dates, np.datetime64("NaT", "ns"), instants)
