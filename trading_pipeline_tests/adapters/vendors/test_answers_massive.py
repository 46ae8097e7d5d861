"""Massive's answers become rows exactly, or are refused; pages are followed without the key."""

import json

import numpy as np
import pytest

from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS
from trading_pipeline_tests.adapters.vendors.vendor_answers import (
    params,
    parse,
    path_call,
    plain,
    refusal,
    sample,
    vendor,
    wanted,
)

AGGREGATES = "polygon/v2/aggs/ticker/AAPL/range/1/day"
BAR = {"t": 1112331600000, "o": 1, "h": 2.5, "l": 0.5, "c": 2, "v": 10, "n": 3, "vw": 1.5}
HEAD = {"ticker": "AAPL", "adjusted": False, "resultsCount": 1, "status": "OK"}
CONTRACTS = "/v3/reference/options/contracts"


def april(dataset="daily", symbols="AAPL"):
    return wanted("massive", dataset, symbols, "2005-04-01", "2005-04-04")


def answer(results, **more):
    return {"status": "OK", "results": results, **more}


def aggregates(**changes):
    return {**HEAD, "results": [{**BAR, **changes}]}


@pytest.mark.parametrize("first", ["2005-04-01", "2005-04-02"])
def test_daily_aggregates_stand_at_the_new_york_date_across_the_clock_change(first):
    body = sample(f"{AGGREGATES}/{first}/2005-04-04.json")
    call = path_call(f"/v2/aggs/ticker/AAPL/range/1/day/{first}/2005-04-04")
    page = parse(april(), body, call)
    # The first is 05:00Z, the second 04:00Z: the clocks changed on the Sunday between.
    assert plain(page.rows) == [
        ("AAPL", "2005-04-01 00:00:00", 1.5032, 1.5064, 1.4489, 1.4604, 642646396, 1.469),
        ("AAPL", "2005-04-04 00:00:00", 1.4639, 1.4754, 1.4343, 1.4675, 578172308, 1.4589),
    ]
    assert page.next_call is None
    # The call of a run asks for raw prices; these are adjusted.
    assert "the prices are adjusted" in refusal(april(), body)


def test_a_day_without_trades_has_no_results():
    page = parse(april(), {**HEAD, "resultsCount": 0})
    assert tuple(page.rows.columns) == PAGE_COLUMNS["daily"]
    assert len(page.rows) == 0


def test_a_minute_aggregate_keeps_its_instant():
    page = parse(april("minute"), aggregates(t=1112362260000))
    assert plain(page.rows) == [("AAPL", "2005-04-01 13:31:00", 1, 2.5, 0.5, 2, 10)]
    assert "within a minute" in refusal(april("minute"), aggregates(t=1112362260001))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (aggregates(t=1112331600000.0), "not an instant in ms"),
        (aggregates(t="1112331600000"), "not an instant in ms"),
        (aggregates(t=10**30), "not an instant in ms"),
        (aggregates(t=1112328000000), "no New York midnight"),
        (aggregates(t=1112763600000 - 3600000 + 86400000), "outside the range"),
        (aggregates(c="2"), "c is '2', not a number"),
        ({**aggregates(), "ticker": "MSFT"}, "about 'MSFT', not AAPL"),
        ({**aggregates(), "resultsCount": 2}, "resultsCount is 2, but 1 rows came"),
        ({**aggregates(), "adjusted": True}, "adjusted"),
        ({**aggregates(), "status": "ERROR"}, "the status is 'ERROR'"),
        ({"results": []}, "the status is None"),
        ({**aggregates(), "results": {}}, "results is an object"),
    ],
)
def test_an_aggregate_that_contradicts_the_call_is_refused(body, words):
    assert words in refusal(april(), body)


def test_quotes_keep_nanoseconds_and_their_pages_are_followed_without_host():
    asked = wanted("massive", "quotes", "AAPL", "2022-05-10", "2022-05-10")
    page = parse(asked, sample("polygon/v3/quotes/AAPL.json"))
    assert plain(page.rows)[0] == ("AAPL", "2022-05-10 14:11:12.800638700", 155.85, 155.87, 4, 3)
    assert len(page.rows) == 10
    assert page.next_call.path == "/v3/quotes/AAPL"
    cursor = params(page.next_call)["cursor"]
    assert cursor.startswith("YXA9MTkyODgxNjYmYXM9")
    last = parse(asked, sample("polygon/v3/quotes/AAPL_cursor_*.json"), page.next_call)
    assert len(last.rows) == 10
    assert str(last.rows["ts"][0]) == "2022-05-10 14:11:12.690386918"
    assert last.next_call is None


def test_a_side_without_a_quote_is_missing():
    quote = {"sip_timestamp": 1652191872800638700, "bid_price": 0, "bid_size": 0}
    asked = wanted("massive", "quotes", "AAPL", "2022-05-10", "2022-05-10")
    row = plain(parse(asked, answer([quote])).rows)[0]
    assert row[2:] == (None, None, 0, None)


def test_splits_come_first_and_dividends_after_them():
    symbols = "GOOGL,GOOG,CTO,SHOP,DXCM,AMZN,BRW,CM,CIG.C"
    many = wanted("massive", "corporate_actions", symbols, "2022-05-01", "2022-07-31")
    call = path_call("/v3/reference/splits")
    page = parse(many, sample("polygon/v3/reference/splits.json"), call)
    ratios = dict(zip(page.rows["symbol"], page.rows["ratio"], strict=True))
    assert ratios == {
        "GOOGL": 20, "GOOG": 20, "CTO": 3, "SHOP": 10, "DXCM": 4, "AMZN": 20, "BRW": 0.5,
        "CM": 2, "CIG.C": 4 / 3,
    }  # fmt: skip
    assert set(page.rows["action"]) == {"split"}
    assert page.rows[["amount_usd", "known_at"]].isna().all(axis=None)
    assert page.next_call.path == "/v3/reference/dividends"

    payers = wanted("massive", "corporate_actions", "CSSEN,AIRTP", "2023-01-01", "2025-12-31")
    page = parse(payers, sample("polygon/v3/reference/dividends.json"), page.next_call)
    assert plain(page.rows)[0] == (
        # Declared on 9 September 2020 at an hour not given: known from the midnight after.
        "CSSEN", "2025-06-12 00:00:00", "dividend", None, 0.59375, "2020-09-10 04:00:00",
    )  # fmt: skip
    assert len(page.rows) == 10
    assert page.next_call is None
    assert "'AIRTP'" in refusal(
        wanted("massive", "corporate_actions", "CSSEN"),
        sample("polygon/v3/reference/dividends.json"),
        page.next_call or path_call("/v3/reference/dividends"),
    )


def test_a_page_of_splits_is_followed_before_dividends_are_asked_for():
    asked = wanted("massive", "corporate_actions")
    url = "https://api.massive.com/v3/reference/splits?cursor=abc&apiKey=massive-secret-789"
    page = parse(asked, answer([], next_url=url))
    assert page.next_call == path_call("/v3/reference/splits", ("cursor", "abc"))
    then = parse(asked, answer([]), page.next_call).next_call
    assert then == path_call(
        "/v3/reference/dividends",
        ("ticker", "AAPL"),
        ("ex_dividend_date.gte", "2022-01-01"),
        ("ex_dividend_date.lte", "2022-12-31"),
        ("order", "asc"),
        ("sort", "ex_dividend_date"),
        ("limit", "1000"),
    )


@pytest.mark.parametrize(
    ("changes", "amount", "known_at"),
    [
        ({"declaration_date": None}, 0.2, None),
        ({"declaration_date": "2022-03-10"}, 0.2, None),
        ({"declaration_date": "2022-03-11"}, 0.2, "2022-03-12 05:00:00"),
        ({"currency": "CAD"}, None, None),
        ({"currency": "USD"}, 0.2, None),
    ],
)
def test_a_dividend_is_known_after_its_declaration_and_counted_in_dollars(
    changes, amount, known_at
):
    row = {"ticker": "AAPL", "ex_dividend_date": "2022-03-10", "cash_amount": 0.2, **changes}
    page = parse(
        wanted("massive", "corporate_actions"), answer([row]), path_call("/v3/reference/dividends")
    )
    assert plain(page.rows)[0][4:] == (amount, known_at)


def test_tickers_are_listed_active_ones_first_and_then_the_delisted():
    everything = wanted("massive", "tickers", "")
    first = vendor("massive").first_call(everything)
    page = parse(everything, sample("polygon/v3/reference/tickers.json"))
    assert plain(page.rows) == [
        ("A", "Agilent Technologies Inc.", "equity", True, None),
        ("AA", "Alcoa Corporation", "equity", True, None),
    ]
    assert params(page.next_call)["active"] == "true"
    second = parse(everything, sample("polygon/v3/reference/tickers_cursor_*.json"), page.next_call)
    assert list(second.rows["kind"]) == ["etf", "etf"]
    assert params(second.next_call) == {**params(first), "active": "false"}
    gone = {
        "ticker": "OLD", "name": "Old Co", "type": "WARRANT", "active": False,
        "delisted_utc": "2020-02-03T05:00:00Z",
    }  # fmt: skip
    last = parse(everything, answer([gone]), second.next_call)
    assert plain(last.rows) == [("OLD", "Old Co", None, False, "2020-02-03 05:00:00")]
    assert last.next_call is None


def test_news_gives_a_row_for_each_wanted_symbol_only():
    asked = wanted("massive", "news", "NFLX", "2022-04-01", "2022-04-30")
    page = parse(asked, sample("polygon/v2/reference/news_ticker_NFLX.json"))
    assert plain(page.rows[["news_id", "symbol", "published_at", "updated_at", "source"]]) == [
        (
            "JeJEhAVoKaqJ2zF9nzQYMg07UlEeWlis6Dsop33TPQY", "NFLX", "2022-04-28 17:08:00", None,
            "MarketWatch",
        )
    ]  # fmt: skip
    assert page.rows["headline"][0].startswith("Theres a big hole in the Feds theory")
    other = wanted("massive", "news", "IBM")
    assert "none of the symbols" in refusal(
        other, sample("polygon/v2/reference/news_ticker_NFLX.json")
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://api.massive.com/v2/aggs/ticker/MSFT/range/1/day/1/2?cursor=a",
        "https://api.massive.com/v2/aggs/ticker/AAPL/range/1/minute/1/2?cursor=a",
        "https://api.massive.com/v1/account?cursor=a",
        "https://[::1/x",
        "https://api.massive.com/v2/aggs/ticker/AAPL/range/1/day/1/2?cursor",
        5,
        "",
    ],
)
def test_a_next_page_elsewhere_is_refused(url):
    assert "next_url" in refusal(april(), {**aggregates(), "next_url": url})


def test_the_next_page_of_aggregates_keeps_the_range_the_vendor_gives():
    url = (
        "https://api.massive.com/v2/aggs/ticker/AAPL/range/1/day/1112587200000/2005-04-04?cursor=a"
    )
    page = parse(april(), {**aggregates(), "next_url": url})
    assert page.next_call == path_call(
        "/v2/aggs/ticker/AAPL/range/1/day/1112587200000/2005-04-04",
        ("cursor", "a"),
        ("adjusted", "false"),
    )
    assert len(parse(april(), aggregates(), page.next_call).rows) == 1


@pytest.mark.parametrize("name", ["apiKey", "apikey", "api_key"])
def test_a_key_in_the_next_address_is_dropped(name):
    url = f"https://api.massive.com/v3/quotes/AAPL?cursor=abc&{name}=massive-secret-789"
    asked = wanted("massive", "quotes")
    call = parse(asked, answer([], next_url=url)).next_call
    assert call == path_call("/v3/quotes/AAPL", ("cursor", "abc"))


def chain_server(contracts, volumes):
    """Answer calls of an option chain as the vendor documents them."""

    def respond(call):
        asked = params(call)
        if call.path != CONTRACTS:
            ticker = call.path.split("/")[4]
            bar = {"t": 1704171600000, "v": volumes[ticker], "vw": 1.25}
            bars = [bar] if volumes[ticker] else []
            return {**HEAD, "ticker": ticker, "resultsCount": len(bars), "results": bars}
        found = [c for c in contracts if c["underlying_ticker"] == asked["underlying_ticker"]]
        tests = {"": str.__eq__, ".gt": str.__gt__, ".gte": str.__ge__, ".lte": str.__le__}
        for field in ("expiration_date", "contract_type"):
            for suffix, test in tests.items():
                if (value := asked.get(field + suffix)) is not None:
                    found = [c for c in found if test(c[field], value)]
        if "strike_price.gt" in asked:
            found = [c for c in found if c["strike_price"] > float(asked["strike_price.gt"])]
        found.sort(key=lambda contract: contract[asked["sort"]])
        return answer(found[: int(asked["limit"])])

    return respond


def contract(ticker, right, strike, expiry):
    return {
        "ticker": ticker, "underlying_ticker": "AAPL", "contract_type": right,
        "strike_price": strike, "expiration_date": expiry,
    }  # fmt: skip


def test_every_contract_of_a_chain_is_walked_once_and_gives_its_daily_volume():
    contracts = [
        contract("O:AAPL240105C00180000", "call", 180, "2024-01-05"),
        contract("O:AAPL240105C00182500", "call", 182.5, "2024-01-05"),
        contract("O:AAPL240105P00180000", "put", 180, "2024-01-05"),
        contract("O:AAPL240119P12345675", "put", 12345.675, "2024-01-19"),
        contract("O:AAPL240119P12345680", "put", 12345.68, "2024-01-19"),
        contract("O:AAPL250117C00200000", "call", 200, "2025-01-17"),
    ]
    volumes = {c["ticker"]: 10 * n for n, c in enumerate(contracts)}
    respond = chain_server(contracts, volumes)
    asked = wanted("massive", "options", "AAPL", "2024-01-02", "2024-01-03")
    call, rows, calls = vendor("massive").first_call(asked), [], []
    while call is not None and len(calls) < 100:
        assert call not in calls
        calls.append(call)
        page = parse(asked, respond(call), call)
        assert tuple(page.rows.columns) == PAGE_COLUMNS["options"]
        rows += plain(page.rows)
        call = page.next_call
    at = "2024-01-02 00:00:00"
    early, late = "2024-01-05 00:00:00", "2024-01-19 00:00:00"
    assert rows == [
        ("AAPL", "O:AAPL240105C00182500", at, "call", 182.5, early, 10, 1.25),
        ("AAPL", "O:AAPL240105P00180000", at, "put", 180, early, 20, 1.25),
        ("AAPL", "O:AAPL240119P12345675", at, "put", 12345.675, late, 30, 1.25),
        ("AAPL", "O:AAPL240119P12345680", at, "put", 12345.68, late, 40, 1.25),
    ]
    # Two calls a contract, three an expiry, and the one that finds no further expiry.
    assert len(calls) == 2 * 5 + 3 * 2 + 1
    assert all(params(c)["as_of"] == "2024-01-02" for c in calls if c.path == CONTRACTS)


def test_listed_contracts_of_the_sample_lead_to_the_first_ones_strikes():
    asked = wanted("massive", "options", "A", "2022-05-02", "2022-05-06")
    first = vendor("massive").first_call(asked)
    body = json.loads(sample("polygon/v3/reference/options/contracts.json"))
    body.pop("next_url", None)
    page = parse(asked, body, first)
    assert len(page.rows) == 0
    assert params(page.next_call)["expiration_date"] == "2022-05-20"
    then = parse(asked, body, page.next_call)
    assert then.next_call.path == (
        "/v2/aggs/ticker/O:A220520C00065000/range/1/day/2022-05-02/2022-05-06"
    )


@pytest.mark.parametrize("ticker", ["AAPL", "O:AAPL24C1", "O:AAPL240230C00180000", 5, None])
def test_what_is_no_contract_is_refused(ticker):
    asked = wanted("massive", "options")
    listed = {"ticker": ticker, "underlying_ticker": "AAPL"}
    assert "ticker" in refusal(asked, answer([listed])) or "expires" in refusal(
        asked, answer([listed])
    )


def test_calls_ask_for_raw_prices_of_one_symbol():
    call = vendor("massive").first_call(april("minute"))
    assert call == path_call(
        "/v2/aggs/ticker/AAPL/range/1/minute/2005-04-01/2005-04-04",
        ("adjusted", "false"),
        ("sort", "asc"),
        ("limit", "50000"),
    )
    for symbols in ("AAPL,MSFT", ""):
        with pytest.raises(InputError, match="symbols_per_call = 1"):
            vendor("massive").first_call(april("daily", symbols))
    for dataset in ("macro", "vix", "calendar"):
        with pytest.raises(InputError, match=f"no {dataset}"):
            vendor("massive").first_call(april(dataset))


def test_a_symbol_cannot_leave_its_place_in_the_path():
    call = vendor("massive").first_call(april("daily", "../x?y"))
    assert call.path.startswith("/v2/aggs/ticker/..%2Fx%3Fy/range/")
    page = parse(april("daily", "../x?y"), {**aggregates(), "ticker": "../x?y"})
    assert list(page.rows["symbol"]) == ["../x?y"]
    assert np.isfinite(page.rows["close"]).all()
