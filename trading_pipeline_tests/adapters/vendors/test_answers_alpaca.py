"""Alpaca's answers become rows exactly, or are refused; no value is guessed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_pipeline.adapters.vendors.moments import day_end, day_start
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.vendors import PAGE_COLUMNS
from trading_pipeline_tests.adapters.vendors.vendor_answers import (
    params,
    parse,
    plain,
    refusal,
    sample,
    vendor,
    wanted,
)

BAR = {"t": "2022-03-09T05:00:00Z", "o": 1, "h": 2.5, "l": 0.5, "c": 2, "v": 10, "n": 3, "vw": 1.5}


def bars(**changes):
    return {"bars": {"AAPL": [{**BAR, **changes}]}, "next_page_token": None}


def daily():
    return wanted("alpaca", "daily")


def test_daily_bars_stand_at_the_new_york_date_and_the_token_asks_for_the_next_page():
    page = parse(daily(), sample("alpaca/test_historical_stock_data/get_bars.json"))
    assert plain(page.rows) == [
        ("AAPL", "2022-02-01 00:00:00", 174, 174.84, 172.31, 174.61, 85998033, 173.703516),
        ("AAPL", "2022-02-02 00:00:00", 174.64, 175.88, 173.33, 175.84, 84817432, 174.941288),
    ]
    first = vendor("alpaca").first_call(daily())
    token = "QUFQTHxEfDIwMjItMDItMDJUMDU6MDA6MDAuMDAwMDAwMDAwWg=="
    assert page.next_call.path == first.path
    assert page.next_call.params == (*first.params, ("page_token", token))
    # The page after replaces the token; it does not add a second one.
    body = sample("alpaca/test_historical_stock_data/get_bars.json").replace(b"QUFQ", b"NEXT")
    after = parse(daily(), body, page.next_call).next_call
    assert [value for name, value in after.params if name == "page_token"] == ["NEXT" + token[4:]]


def test_bars_of_several_symbols_and_in_falling_order_are_read():
    both = wanted("alpaca", "daily", "AAPL,TSLA")
    page = parse(both, sample("alpaca/test_historical_stock_data/multisymbol_get_bars.json"))
    assert plain(page.rows[["symbol", "ts", "close"]]) == [
        ("AAPL", "2022-03-09 00:00:00", 162.95),
        ("TSLA", "2022-03-09 00:00:00", 858.97),
    ]
    assert page.next_call is None
    falling = wanted("alpaca", "daily", "TSLA", "2023-09-01", "2023-09-30")
    page = parse(falling, sample("alpaca/test_historical_stock_data/get_bars_desc.json"))
    # 04:00Z is New York midnight in summer as 05:00Z is in winter.
    assert [str(ts)[:10] for ts in page.rows["ts"]] == ["2023-09-27", "2023-09-26", "2023-09-25"]
    assert list(page.rows["volume"]) == [136616287.0, 102033779.0, 104668716.0]


@pytest.mark.parametrize("kind", ["single", "multi"])
@pytest.mark.parametrize("dataset", ["daily", "minute", "quotes"])
def test_an_empty_answer_is_a_page_without_rows_of_the_right_types(dataset, kind):
    name = "quotes" if dataset == "quotes" else "bars"
    path = f"alpaca/test_historical_stock_data/get_{name}_{kind}_empty_response.json"
    if name == "quotes":
        path = "alpaca/test_historical_stock_data/get_quotes_multi_empty_response.json"
    page = parse(wanted("alpaca", dataset), sample(path))
    assert tuple(page.rows.columns) == PAGE_COLUMNS[dataset]
    assert len(page.rows) == 0
    assert page.rows["ts"].dtype == np.dtype("datetime64[ns]")
    assert page.rows.iloc[:, 2].dtype == np.dtype("float64")
    assert page.next_call is None


def test_quotes_keep_nanoseconds_and_a_price_of_zero_is_missing():
    both = wanted("alpaca", "quotes", "AAPL,TSLA", "2022-03-09", "2022-03-09")
    page = parse(both, sample("alpaca/test_historical_stock_data/multisymbol_quotes.json"))
    assert plain(page.rows) == [
        ("AAPL", "2022-03-09 09:00:00.000059", 159.52, 158.65, 4, 1),
        ("TSLA", "2022-03-09 09:00:00.000805", 840.75, 830, 1, 1),
    ]
    one = wanted("alpaca", "quotes", "AAPL", "2022-03-09", "2022-03-09")
    page = parse(one, sample("alpaca/test_historical_stock_data/get_quotes.json"))
    assert list(page.rows["ask"]) == [158.65, 158.8]
    assert params(page.next_call)["page_token"].endswith("8Q0ZEQUU5QTg=")
    quote = {"t": "2022-03-09T09:00:00.123456789Z", "bp": 0, "bs": 0, "ap": 5.5, "as": 2}
    page = parse(one, {"quotes": {"AAPL": [quote]}, "next_page_token": None})
    assert plain(page.rows) == [("AAPL", "2022-03-09 09:00:00.123456789", None, 5.5, 0, 2)]


def test_news_gives_a_row_for_each_wanted_symbol_only():
    both = wanted("alpaca", "news", "QCOM,AAPL", "2024-08-01", "2024-08-31")
    page = parse(both, sample("alpaca/test_historical_news_data/get_news.json"))
    at = "2024-08-18 20:15:44"
    assert plain(page.rows) == [
        ("40432158", "AAPL", at, at, "headline", "summary", "source"),
        ("40432158", "QCOM", at, at, "headline", "summary", "source"),
    ]
    assert params(page.next_call)["page_token"] == "MTczMDk3MTEwMTAwMDAwMDAwMHw0MTc5OTExNQ=="
    one = wanted("alpaca", "news", "AAPL", "2024-08-01", "2024-08-31")
    assert list(
        parse(one, sample("alpaca/test_historical_news_data/get_news.json")).rows.symbol
    ) == ["AAPL"]
    second = wanted("alpaca", "news", "CWAN", "2024-11-01", "2024-11-30")
    page = parse(second, sample("alpaca/test_historical_news_data/get_news_1.json"))
    assert plain(page.rows[["news_id", "summary", "source"]]) == [("41799100", None, "benzinga")]
    assert "none of the symbols" in refusal(
        one, sample("alpaca/test_historical_news_data/get_news_1.json")
    )
    older = wanted("alpaca", "news", "TSLA", "2022-01-01", "2022-01-31")
    legacy = sample("alpaca_v2_legacy/test_rest/data_4.json").decode()
    assert "next_page_token is missing" in refusal(older, legacy.encode().replace(b"next_", b"x_"))


def test_corporate_actions_become_ratios_and_amounts():
    symbols = "MNTS,SRE,TPBAU,MSBC,FCF"
    asked = wanted("alpaca", "corporate_actions", symbols, "2023-01-01", "2023-12-31")
    page = parse(asked, sample("alpaca/test_corporate_actions/get_corporate_actions.json"))
    assert plain(page.rows) == [
        ("SRE", "2023-08-22 00:00:00", "split", 2, None, None),
        ("MNTS", "2023-08-24 00:00:00", "split", 1 / 50, None, None),
        ("TPBAU", "2023-03-01 00:00:00", "split", 1, None, None),
        ("MSBC", "2023-05-19 00:00:00", "split", 1.05, None, None),
        ("FCF", "2023-05-04 00:00:00", "dividend", None, 0.125, None),
    ]
    assert tuple(page.rows.columns) == PAGE_COLUMNS["corporate_actions"]
    second = wanted("alpaca", "corporate_actions", "ZMTBY", "2024-08-01", "2024-08-31")
    page = parse(second, sample("alpaca/test_corporate_actions/get_corporate_actions_1.json"))
    assert plain(page.rows) == [("ZMTBY", "2024-08-07 00:00:00", "dividend", None, 0.086928, None)]
    fewer = wanted("alpaca", "corporate_actions", "MNTS,SRE,TPBAU,MSBC", "2023-01-01", "2023-12-31")
    assert "'FCF'" in refusal(
        fewer, sample("alpaca/test_corporate_actions/get_corporate_actions.json")
    )


def test_a_text_that_cannot_be_stored_is_refused():
    body = sample("alpaca/test_historical_news_data/get_news.json")
    broken = body.replace(b'"headline": "headline"', b'"headline": "\\ud800"')
    asked = wanted("alpaca", "news", "AAPL", "2024-08-01", "2024-08-31")
    assert "headline holds half a surrogate pair" in refusal(asked, broken)


@pytest.mark.parametrize("rates", [{"new_rate": 0}, {"old_rate": -1}, {"old_rate": 1e-320}])
def test_a_split_without_a_positive_ratio_is_refused(rates):
    split = {"symbol": "AAPL", "ex_date": "2022-05-05", "new_rate": 4, "old_rate": 1, **rates}
    body = {"corporate_actions": {"forward_splits": [split]}, "next_page_token": None}
    assert "forward_splits" in refusal(wanted("alpaca", "corporate_actions"), body)


def test_the_calendar_gives_hours_in_utc_on_both_sides_of_the_clock_change():
    days = [
        {"date": "2024-03-08", "open": "09:30", "close": "16:00", "settlement_date": "2024-03-12"},
        {"date": "2024-03-11", "open": "09:30", "close": "16:00"},
        {"date": "2024-11-29", "open": "09:30", "close": "13:00"},
    ]
    asked = wanted("alpaca", "calendar", "", "2024-01-01", "2024-12-31")
    assert plain(parse(asked, days).rows) == [
        ("2024-03-08 00:00:00", "2024-03-08 14:30:00", "2024-03-08 21:00:00"),
        ("2024-03-11 00:00:00", "2024-03-11 13:30:00", "2024-03-11 20:00:00"),
        ("2024-11-29 00:00:00", "2024-11-29 14:30:00", "2024-11-29 18:00:00"),
    ]
    assert "changes its clocks" in refusal(
        asked, [{**days[0], "date": "2024-03-10", "open": "02:30"}]
    )
    assert "open" in refusal(asked, [{**days[0], "open": "9:30"}])
    assert len(parse(asked, []).rows) == 0


@pytest.mark.parametrize(
    ("day", "midnight"),
    [
        ("2024-03-08", "05:00"),
        ("2024-03-11", "04:00"),
        ("2024-11-01", "04:00"),
        ("2024-11-04", "05:00"),
    ],
)
def test_a_daily_bar_belongs_to_the_session_on_both_sides_of_the_clock_change(day, midnight):
    asked = wanted("alpaca", "daily", start="2024-01-01", end="2024-12-31")
    page = parse(asked, bars(t=f"{day}T{midnight}:00Z"))
    assert str(page.rows["ts"][0]) == f"{day} 00:00:00"
    other = "04:00" if midnight == "05:00" else "05:00"
    assert "no New York midnight" in refusal(asked, bars(t=f"{day}T{other}:00Z"))


@given(st.dates(date(1990, 1, 1), date(2037, 1, 1)))
def test_new_york_days_tile_time_and_a_midnight_belongs_to_its_date(day):
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("America/New_York"))
    stamp = midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = wanted("alpaca", "daily", start=str(day), end=str(day))
    assert parse(asked, bars(t=stamp)).rows["ts"][0].date() == day
    assert day_end(day) == day_start(day + timedelta(days=1))
    assert day_end(day) - day_start(day) in [timedelta(hours=hours) for hours in (23, 24, 25)]


def test_minute_bars_keep_their_instant_and_lie_in_the_days_asked_for():
    asked = wanted("alpaca", "minute", start="2022-03-09", end="2022-03-09")
    assert plain(parse(asked, bars(t="2022-03-09T14:31:00Z")).rows) == [
        ("AAPL", "2022-03-09 14:31:00", 1, 2.5, 0.5, 2, 10)
    ]
    for inside in ("2022-03-09T05:00:00Z", "2022-03-10T04:59:00Z"):
        assert len(parse(asked, bars(t=inside)).rows) == 1
    for outside in ("2022-03-09T04:59:00Z", "2022-03-10T05:00:00Z"):
        assert "outside the range" in refusal(asked, bars(t=outside))
    assert "within a minute" in refusal(asked, bars(t="2022-03-09T14:31:30Z"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"o": "174"}, "o is '174', not a number"),
        ({"o": True}, "o is a truth value"),
        ({"c": None}, "c is null"),
        ({"v": [1]}, "v is a list"),
        ({"h": 10**400}, "h is too large"),
        ({"vw": "x"}, "vw is 'x'"),
        ({"t": 1646802000000}, "t is 1646802000000, not an instant"),
        ({"t": "2022-03-09T05:00:00"}, "not an instant"),
        ({"t": "2022-03-09T05:00:00+00:00"}, "not an instant"),
        ({"t": "2022-02-30T05:00:00Z"}, "no date of the calendar"),
        ({"t": "1022-03-09T05:00:00Z"}, "not an instant"),
        ({"t": "2021-03-09T05:00:00Z"}, "outside the range"),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_and_named(changes, words):
    assert words in refusal(daily(), bars(**changes))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no usable JSON"),
        (b"<html>busy</html>", "<html>busy"),
        (b"\xff\xfe", "no UTF-8"),
        (b'{"bars": {"AAPL": [{"o": NaN}]}}', "NaN is no JSON"),
        (b'{"bars": {}, "bars": {}, "next_page_token": null}', "a key is repeated"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"bars": {}}', "next_page_token is missing"),
        (b'{"bars": {}, "next_page_token": 5}', "not a token"),
        (b'{"bars": {}, "next_page_token": ""}', "not a token"),
        (b'{"bars": [], "next_page_token": null}', "bars is a list, not an object"),
        (b'{"bars": {"AAPL": {}}, "next_page_token": null}', "not a list"),
        (b'{"bars": {"AAPL": [1]}, "next_page_token": null}', "where an object belongs"),
        (b'{"bars": {"MSFT": []}, "next_page_token": null}', "'MSFT', which was not asked for"),
        (b"{}", "bars is missing"),
        (b"[]", "not an object"),
        (b'{"bars": {"AAPL": [{"o": 1e999}]}}', "o is too large a number"),
        (b'{"bars": {"AAPL": [{"v": ' + b"9" * 5000 + b"}]}}", "no usable JSON"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_and_shown(body, words):
    message = refusal(daily(), body)
    assert words in message
    assert message.startswith("alpaca daily of AAPL, 2022-01-01 to 2022-12-31: ")
    assert len(message) < 600


def test_a_missing_vwap_is_missing():
    body = bars()
    del body["bars"]["AAPL"][0]["vw"]
    assert np.isnan(parse(daily(), body).rows["vwap"][0])


def test_the_call_asks_for_raw_prices_of_whole_new_york_days():
    winter = wanted("alpaca", "minute", "AAPL,BRK.B", "2024-03-08", "2024-03-11")
    call = vendor("alpaca").first_call(winter)
    assert params(call) == {
        "symbols": "AAPL,BRK.B",
        "timeframe": "1Min",
        "start": "2024-03-08T05:00:00Z",
        "end": "2024-03-12T03:59:59Z",
        "limit": "10000",
        "sort": "asc",
        "adjustment": "raw",
    }
    assert params(vendor("alpaca").first_call(wanted("alpaca", "news")))["limit"] == "50"
    for dataset in ("macro", "vix", "tickers", "options"):
        with pytest.raises(InputError, match=f"no {dataset}"):
            vendor("alpaca").first_call(wanted("alpaca", dataset))
    with pytest.raises(InputError, match="name symbols"):
        vendor("alpaca").first_call(wanted("alpaca", "daily", ""))
    calendar = vendor("alpaca").first_call(wanted("alpaca", "calendar", ""))
    assert params(calendar) == {"start": str(date(2022, 1, 1)), "end": "2022-12-31"}
