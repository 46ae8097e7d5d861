"""From alerts to intended paper orders: who is traded, when, at what prices, under which ids."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from trading_pipeline.contracts.broker import TrailEvent
from trading_pipeline.domain.selloffs.book import fold
from trading_pipeline.domain.selloffs.orders import (
    decisions_of,
    entry_request,
    hours_at,
    order_id,
    rules_of,
)
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.adapters.fake_broker import utc
from trading_pipeline_tests.adapters.paper_scenes import RULES, alerts_of

AT = utc("03-05T15:00")
MINUTE = timedelta(minutes=1)


def decided(alerts, at=AT, rules=RULES, book=None):
    return decisions_of(alerts, book or fold(()), hours_at(at), rules, at)


def reason(at=AT, **changes):
    """Return why one alert is declined; None where it is passed over in silence."""
    found = decided(alerts_of(("AAA", at, 98.0, 103.0, 10, changes)), at)
    return found[0].reason if found else None


def test_an_alert_becomes_a_bracket_for_the_next_minute():
    (one,) = decided(alerts_of(("AAA", AT, 98.004, 103.019, 10.9)))
    request = one.request
    assert (request.quantity, request.order_class) == (10, "bracket")
    assert (request.stop_price, request.target_price) == (98.0, 103.01)
    assert request.limit_price == pytest.approx(103.0)
    assert (one.not_before, one.expires_at) == (AT + MINUTE, AT + 2 * MINUTE)


def test_the_same_alert_has_the_same_ids_always_and_every_other_has_others():
    assert order_id("a", "entry") == order_id("a", "entry", 0)
    ids = {order_id(a, r, n) for a in "ab" for r in ("entry", "exit", "protect") for n in range(4)}
    assert len(ids) == 24
    assert all(len(one) <= 48 and one.startswith("tp-") for one in ids)


@pytest.mark.parametrize(
    "changes", [{"status": "withheld"}, {"risk_tier": 0.0}, {"mode": "replay"}]
)
def test_what_is_withheld_riskless_or_replayed_is_passed_over(changes):
    assert reason(**changes) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shares": 0.9}, "no whole share"),
        ({"shares": float("nan")}, "no whole share"),
        ({"stop_price": 104.0}, "must ascend"),
        ({"stop_price": float("nan")}, "must ascend"),
        ({"target_price": -1.0}, "must ascend"),
        ({"session_date": pd.Timestamp("2024-03-04")}, "another session"),
        ({"detected_at": pd.Timestamp(AT - 2 * MINUTE)}, "after its entry minute"),
    ],
)
def test_an_alert_that_cannot_be_traded_is_declined_with_the_reason(changes, said):
    assert said in reason(**changes)


@pytest.mark.parametrize(
    ("at", "is_taken"),
    [
        ("03-05T20:29", True),
        ("03-05T20:30", False),
        # A half-day ends at 17:00 UTC in July.
        ("07-03T16:29", True),
        ("07-03T16:30", False),
    ],
)
def test_the_last_entry_is_half_an_hour_before_the_close_on_half_days_too(at, is_taken):
    assert (reason(utc(at)) == "") == is_taken


def test_one_position_a_symbol_and_the_best_ranks_first_up_to_the_limit():
    alerts = alerts_of(*[(name, AT, 98.0, 103.0, 10) for name in "ABCDE"])
    again = alerts.head(1).assign(alert_id="other", rung=0.05, rank=9)
    found = decided(pd.concat([alerts, again]).sample(frac=1, random_state=3))
    assert [one.symbol for one in found if not one.reason] == ["A", "B", "C"]
    assert [one.reason for one in found if one.alert_id == "other"] == [
        "one position per symbol and session"
    ]


def test_prices_under_a_dollar_keep_four_places():
    row = alerts_of(("P", AT, 0.78404, 0.82409, 10)).to_dict("records")[0]
    request = entry_request(row)
    assert (request.stop_price, request.target_price, request.limit_price) == (
        0.7840,
        0.8240,
        0.8239,
    )


def test_the_rules_are_the_settings():
    config = load_settings(environment={})
    rules = rules_of(config)
    assert rules.r_usd == 250.0
    assert rules.max_open_positions == config.broker.max_open_positions
    assert rules.flatten == timedelta(minutes=config.broker.flatten_minutes)


def test_hours_are_those_of_the_newest_session_that_has_opened():
    assert hours_at(utc("03-05T14:29")).session_date.isoformat() == "2024-03-04"
    assert hours_at(utc("03-05T14:30")).session_date.isoformat() == "2024-03-05"
    assert hours_at(utc("03-09T12:00")).closes_at == utc("03-08T21:00")


def test_a_loss_on_a_trade_left_from_the_session_before_counts_where_it_is_sold():
    first, second = date(2024, 3, 5), date(2024, 3, 6)
    at = datetime(2024, 3, 5, 15, tzinfo=UTC)
    plan = {"role": "entry", "type": "limit", "target": 103.0, "stop": 98.0}
    own = {"alert_id": "one", "symbol": "AAA"}
    steps = (
        (first, {"kind": "intent", "status": "planned", "side": "buy"}, "in", plan),
        (first, {"kind": "observed", "status": "filled", "price": 100.0}, "in", {}),
        (
            second,
            {"kind": "intent", "status": "planned", "side": "sell"},
            "out",
            {"role": "exit", "type": "market"},
        ),
        (second, {"kind": "observed", "status": "filled", "price": 90.0}, "out", {}),
    )
    book = fold(
        TrailEvent(
            number,
            at,
            day,
            client_order_id=order,
            quantity=10.0,
            filled_quantity=10.0 if words["kind"] == "observed" else None,
            payload=payload,
            **own,
            **words,
        )
        for number, (day, words, order, payload) in enumerate(steps, start=1)
    )
    assert book.held() == {}
    assert book.realised_usd(second) == -100.0
