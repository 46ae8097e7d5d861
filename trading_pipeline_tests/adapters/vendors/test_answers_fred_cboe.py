"""FRED's observations and CBOE's VIX file become rows exactly, or are refused."""

import json

import pytest

from trading_pipeline.adapters.vendors import vendor_of
from trading_pipeline.contracts.errors import InputError
from trading_pipeline_tests.adapters.vendors.vendor_answers import (
    CONFIG,
    KEYS,
    SAMPLES,
    params,
    parse,
    plain,
    refusal,
    sample,
    vendor,
    wanted,
)

HEADER = "DATE,OPEN,HIGH,LOW,CLOSE\r\n"


def macro(series="DGS10", start="2015-01-01", end="2024-12-31"):
    return wanted("fred", "macro", series, start, end)


def observations(*pairs, count=None, offset=0):
    rows = [
        {"realtime_start": release, "realtime_end": "9999-12-31", "date": day, "value": value}
        for day, value, release in pairs
    ]
    count = len(rows) + offset if count is None else count
    return {"count": count, "offset": offset, "limit": 100_000, "observations": rows}


@pytest.mark.parametrize(
    ("series", "n", "missing", "last"),
    [
        ("DGS10", 2563, 105, ("2024-10-28", 4.28)),
        ("DGS2", 2563, 105, ("2024-10-28", 4.12)),
        ("DCOILWTICO", 2558, 101, ("2024-10-21", 71.16)),
        ("DTWEXBGS", 2562, 115, ("2024-10-25", 124.8418)),
        ("VIXCLS", 2563, 73, ("2024-10-28", 19.8)),
    ],
)
def test_every_observation_is_read_and_a_dot_is_missing(series, n, missing, last):
    page = parse(macro(series), sample(f"fred/{series}.json"))
    given = json.loads((SAMPLES / f"fred/{series}.json").read_text())["observations"]
    expected = [(o["date"], float(o["value"])) for o in given if o["value"] != "."]
    assert [(str(ts)[:10], v) for _, ts, v, _ in page.rows.itertuples(index=False)] == expected
    assert len(page.rows) == n - missing
    assert expected[-1] == last
    # The realtime_start of an answer without vintages is the day of the call, not of the release.
    assert page.rows["release"].isna().all()
    assert set(page.rows["series"]) == {series}
    assert page.next_call is None


def test_vintages_come_with_the_date_of_their_release():
    revised = macro("CPIAUCSL", "2024-01-01", "2024-01-31")
    call = vendor("fred").first_call(revised)
    assert params(call)["realtime_start"] == "2024-01-01"
    assert params(call)["realtime_end"] == "9999-12-31"
    body = observations(
        ("2024-01-01", "308.417", "2024-02-13"), ("2024-01-01", "309.685", "2025-02-12")
    )
    assert plain(parse(revised, body).rows) == [
        ("CPIAUCSL", "2024-01-01 00:00:00", 308.417, "2024-02-13 00:00:00"),
        ("CPIAUCSL", "2024-01-01 00:00:00", 309.685, "2025-02-12 00:00:00"),
    ]
    assert "realtime_start" not in params(vendor("fred").first_call(macro("DGS10")))


def test_vintages_are_asked_of_the_series_the_settings_name():
    none = vendor_of("fred", CONFIG.model_copy(update={"macro_vintages": ()}), KEYS)
    assert "realtime_start" not in params(none.first_call(macro("CPIAUCSL")))


def test_pages_follow_by_offset_until_all_rows_are_read():
    body = observations(("2015-01-02", "2.12", "2024-10-30"), count=3)
    page = parse(macro(), body)
    assert params(page.next_call)["offset"] == "1"
    pair = (("2015-01-05", "2.04", "2024-10-30"), ("2015-01-06", "1.97", "2024-10-30"))
    last = parse(macro(), observations(*pair, offset=1), page.next_call)
    assert list(last.rows["value"]) == [2.04, 1.97]
    assert last.next_call is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (observations(("2015-01-02", 2.12, "2024-10-30")), "value is 2.12, not a decimal"),
        (observations(("2015-01-02", "nan", "2024-10-30")), "value is 'nan'"),
        (observations(("2015-01-02", "1e999", "2024-10-30")), "not a decimal"),
        (observations(("2015-01-02", "1_0", "2024-10-30")), "not a decimal"),
        (observations(("2015-01-02", "", "2024-10-30")), "not a decimal"),
        (observations(("2015-1-2", "2.12", "2024-10-30")), "date is '2015-1-2'"),
        (observations(count=1), "count is 1, but rows 0 to 0 came"),
        (observations(("2015-01-02", "2.12", "x"), count=0), "count is 0"),
        (observations(offset=5), "begins at row 5"),
        ({"observations": []}, "count is missing"),
        ({"error_code": 400, "error_message": "Bad Request"}, "observations is missing"),
    ],
)
def test_observations_that_contradict_themselves_are_refused(body, words):
    assert words in refusal(macro(), body)


def test_fred_gives_one_series_a_call():
    with pytest.raises(InputError, match="symbols_per_call = 1"):
        vendor("fred").first_call(macro("DGS2,DGS10"))
    with pytest.raises(InputError, match="it has macro"):
        vendor("fred").first_call(wanted("fred", "vix"))


def vix(text, start="2020-01-01", end="2020-12-31"):
    return parse(wanted("cboe", "vix", "", start, end), text.encode())


def test_the_vix_file_gives_the_days_asked_for():
    lines = (
        "12/31/2019,14.6,14.7,13.5,13.78\r\n"
        "01/02/2020,13.460000,13.720000,12.420000,12.470000\r\n"
        "12/31/2020,23.1,23.2,21.2,22.75\r\n"
        "01/04/2021,23,29.2,22.6,26.97"
    )
    page = vix(HEADER + lines)
    assert plain(page.rows) == [
        ("2020-01-02 00:00:00", 13.46, 13.72, 12.42, 12.47),
        ("2020-12-31 00:00:00", 23.1, 23.2, 21.2, 22.75),
    ]
    assert page.next_call is None
    assert len(vix(HEADER).rows) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not begin with DATE,OPEN"),
        ("<html></html>", "does not begin with"),
        (HEADER + "01/02/2020,13.46,13.72,12.42", "a line has 4 values"),
        (HEADER + "2020-01-02,13,13,13,13", "no date such as"),
        (HEADER + "13/02/2020,13,13,13,13", "no date of the calendar"),
        (HEADER + "01/02/2020,13,13,13,", "CLOSE is '', not a decimal"),
        (HEADER + "01/02/2020,13,13,13,12.", "CLOSE is '12.'"),
        (HEADER + '01/02/2020,13,13,13,"12', "no CSV"),
    ],
)
def test_a_file_that_is_not_the_vix_history_is_refused(text, words):
    message = refusal(wanted("cboe", "vix", ""), text.encode())
    assert words in message
    assert "cboe vix" in message


def test_cboe_has_the_vix_only():
    with pytest.raises(InputError, match="it has vix"):
        vendor("cboe").first_call(wanted("cboe", "macro"))
