"""A market folder made of raw answers: of what a vendor corrected, the newest word alone stands."""

import json
from datetime import UTC, date, datetime

import pandas as pd

from trading_pipeline.adapters.vendors.alpaca import Alpaca
from trading_pipeline.adapters.vendors.market import VendorMarket
from trading_pipeline.adapters.vendors.raw_store import Answered, RawStore
from trading_pipeline.contracts.vendors import Wanted
from trading_pipeline_tests.adapters.vendors.scenes import KEYS, plan_settings

SPAN = date(2024, 2, 1), date(2024, 3, 1)


def answered(store, dataset, at, *bodies):
    """Keep the pages of one answer, each of which came a minute after the one before."""
    alpaca = Alpaca(plan_settings("http://127.0.0.1"), KEYS)
    wanted = Wanted("alpaca", dataset, ("AAA",), *SPAN)
    call = alpaca.first_call(wanted)
    for page, body in enumerate(bodies):
        token = f"t{page}" if page + 1 < len(bodies) else None
        text = json.dumps({**body, "next_page_token": token}).encode()
        rows = alpaca.parse(wanted, call, text)
        came = at.replace(minute=page)
        kept = store.store_body(text), len(text), len(rows.rows), came, rows.next_call
        store.record(Answered(wanted, call, page, 200, *kept))
        call = rows.next_call


def market(store):
    alpaca = Alpaca(plan_settings("http://127.0.0.1"), KEYS)
    return VendorMarket(store, {"alpaca": alpaca}, "alpaca", "SPY", ("SPY",)).build()


def split(new_rate):
    found = {"symbol": "AAA", "ex_date": "2024-02-15", "new_rate": new_rate, "old_rate": 1}
    return {"corporate_actions": {"forward_splits": [found]}}


def dividend(rate):
    found = {"symbol": "AAA", "ex_date": "2024-02-20", "rate": rate}
    return {"corporate_actions": {"cash_dividends": [found]}}


def day(number):
    return datetime(2024, 3, number, tzinfo=UTC)


def test_a_corrected_split_replaces_the_one_told_before(tmp_path):
    store = RawStore(tmp_path)
    answered(store, "corporate_actions", day(1), split(4))
    answered(store, "corporate_actions", day(2), split(5))
    found = pd.read_parquet(market(store) / "corporate_actions.parquet")
    assert found["ratio"].tolist() == [5.0]


def test_two_dividends_of_a_day_in_two_pages_of_one_answer_both_count(tmp_path):
    store = RawStore(tmp_path)
    answered(store, "corporate_actions", day(1), dividend(0.2))
    answered(store, "corporate_actions", day(2), dividend(0.3), dividend(1.5))
    found = pd.read_parquet(market(store) / "corporate_actions.parquet")
    assert sorted(found["amount_usd"]) == [0.3, 1.5]
