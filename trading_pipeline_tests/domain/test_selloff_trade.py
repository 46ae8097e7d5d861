"""The trade of a fall, computed by hand: entry, stop, target, fills, costs, and what is pending."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.domain.selloffs.outcomes import trade_outcomes
from trading_pipeline.domain.selloffs.trade_rule import plan_trade
from trading_pipeline_tests.domain.selloffs_market import MINUTE, selloffs_config

DAY = pd.Timestamp("2023-07-12")
HALF_DAY = pd.Timestamp("2023-07-03")
SYMBOLS = np.array(["AAA"], dtype=object)
FLAT = np.ones(390)
TRADE = selloffs_config().trade
FREE = TRADE.model_copy(
    update={
        "commission_per_share_usd": 0.0,
        "commission_min_usd": 0.0,
        "slippage_bps": 0.0,
        "impact_bps": 0.0,
    }
)
# Detected at minute 10 of the session (closed 9:40): open 100, low 98, so the fall is 2.
# Entered at 98.2: stop = min(98 x 0.999, 98.2 x 0.995) = 97.709; target = 99; one R is 0.491.
ENTRY, STOP, TARGET = 98.2, 98.2 * 0.995, 99.0
RISK = ENTRY - STOP


def ordinal_of(day):
    return int(session_table().loc[session_table()["session_date"].eq(day), "session"].iloc[0])


def fall(day=DAY, minute=10, quality="clean", rung=0.02, low=98.0):
    opens_at = session_table().set_index("session_date").loc[day, "opens_at"]
    return pd.DataFrame(
        {
            "symbol": pd.Series(["AAA"], dtype=object),
            "session_date": [day],
            "rung": [rung],
            "detected_at": [opens_at + minute * MINUTE],
            "session_open": [100.0],
            "low": [low],
            "quality": [quality],
            "spread_level_bps": [0.0],
        }
    )


def bars(prices, day=DAY, volume=1e9, quotes=0.0, code=0):
    """Return minutes {minute: (open, high, low, close)}."""
    opens_at = session_table().set_index("session_date").loc[day, "opens_at"]
    table = np.array(list(prices.values()), dtype=float).reshape(-1, 4)
    return pd.DataFrame(
        {
            "code": code,
            "opens_minute": [opens_at.value // 60_000_000_000 + at for at in prices],
            **{name: table[:, i] for i, name in enumerate(("open", "high", "low", "close"))},
            "volume": volume,
            "half_spread_bps": quotes,
        }
    )


def quiet(*, first=10, last=389, price=ENTRY, **at):
    """Return a flat path from minute to minute, other bars where they are named m10, m11, ..."""
    path = dict.fromkeys(range(first, last + 1), (price,) * 4)
    path |= {int(name[1:]): bar for name, bar in at.items()}
    return path


def traded(minutes, event=None, config=FREE, newest=None, delay=0):
    """Return the outcome of one fall at a delay."""
    event = fall() if event is None else event
    newest = ordinal_of(event["session_date"].iloc[0]) if newest is None else newest
    rows = trade_outcomes(event, minutes, SYMBOLS, FLAT, newest, config)
    assert rows["entry_delay_minutes"].tolist() == [0, 1]
    return rows.set_index("entry_delay_minutes").loc[delay]


def minute_of(instant, day=DAY):
    opens_at = session_table().set_index("session_date").loc[day, "opens_at"]
    return int((instant - opens_at) / MINUTE)


def test_the_target_closes_at_half_of_the_fall():
    row = traded(bars(quiet(m20=(98.2, 99.4, 98.1, 99.2), m30=(99.2, 99.6, 99.0, 99.5))))
    assert (row["status"], row["exit_reason"], row["reversed"]) == ("closed", "target", True)
    assert row["entry_price"] == ENTRY
    assert row["stop_price"] == pytest.approx(STOP)
    assert row["target_price"] == row["exit_price"] == TARGET
    assert row["gross_r"] == pytest.approx(0.8 / RISK)
    assert (minute_of(row["entry_at"]), minute_of(row["exit_at"])) == (10, 21)
    assert (row["hold_minutes"], row["hold_bucket"]) == (11, "0-15 min")
    # The peak runs on after the exit, to the close.
    assert (row["peak_price"], row["minutes_to_peak"]) == (99.6, 20)
    assert row["recovery_frac"] == pytest.approx(0.8)
    assert row["mfe_r"] == pytest.approx(0.8 / RISK)
    assert row["mae_r"] == pytest.approx(-0.1 / RISK)


def test_the_stop_closes_at_its_price_and_ends_the_peak_before_its_bar():
    row = traded(bars(quiet(m15=(98.2, 98.6, 98.2, 98.3), m16=(98.3, 98.9, 97.0, 98.5))))
    assert (row["exit_reason"], row["reversed"]) == ("stop", False)
    assert row["exit_price"] == pytest.approx(STOP)
    assert row["gross_r"] == pytest.approx(-1.0)
    assert row["peak_price"] == 98.6
    assert row["recovery_frac"] == pytest.approx(0.3)
    assert row["mae_r"] == pytest.approx(-1.0)
    assert row["known_at"] == row["exit_at"]


def test_a_bar_that_touches_both_is_a_stop():
    row = traded(bars(quiet(m12=(98.2, 99.5, 97.5, 99.0))))
    assert (row["exit_reason"], row["exit_price"]) == ("stop", pytest.approx(STOP))


def test_the_entry_bar_can_stop_or_fill():
    stopped = traded(bars(quiet(m10=(98.2, 98.3, 97.0, 98.0))))
    filled = traded(bars(quiet(m10=(98.2, 99.0, 98.2, 99.0))))
    assert (stopped["exit_reason"], stopped["hold_minutes"]) == ("stop", 1)
    assert (filled["exit_reason"], filled["hold_minutes"]) == ("target", 1)
    assert stopped["peak_price"] == ENTRY


def test_a_gap_through_the_stop_fills_at_the_open():
    row = traded(bars(quiet(m12=(97.0, 97.5, 96.8, 97.4))))
    assert (row["exit_reason"], row["exit_price"]) == ("stop", 97.0)
    assert row["gross_r"] == pytest.approx(-1.2 / RISK)


def test_a_gap_over_the_target_fills_at_the_open():
    row = traded(bars(quiet(m12=(99.3, 99.9, 99.2, 99.5))))
    assert (row["exit_reason"], row["exit_price"]) == ("target", 99.3)


def test_without_stop_and_target_the_last_regular_close_ends_it():
    row = traded(bars(quiet(m389=(98.2, 98.7, 98.2, 98.6))))
    assert (row["exit_reason"], row["exit_price"], row["reversed"]) == ("close", 98.6, False)
    assert (minute_of(row["exit_at"]), row["hold_bucket"]) == (390, "over 120 min")


def test_half_past_three_is_the_last_entry():
    allowed = traded(bars(quiet()), fall(minute=360))
    refused = traded(bars(quiet()), fall(minute=360), delay=1)
    assert (allowed["status"], minute_of(allowed["entry_at"])) == ("closed", 360)
    assert (refused["status"], refused["reason"]) == ("no_trade", "too_late")


def test_on_a_half_day_the_last_entry_is_half_past_twelve():
    minutes = bars(quiet(last=209), HALF_DAY)
    allowed = traded(minutes, fall(HALF_DAY, minute=180))
    refused = traded(minutes, fall(HALF_DAY, minute=180), delay=1)
    assert allowed["status"] == "closed"
    assert minute_of(allowed["exit_at"], HALF_DAY) == 210
    assert refused["reason"] == "too_late"


def test_an_entry_at_the_target_or_above_is_no_trade():
    row = traded(bars(quiet(m10=(99.0, 99.0, 98.5, 98.6))))
    assert (row["status"], row["reason"]) == ("no_trade", "above_target")
    assert pd.isna(row["entry_price"])


def test_waiting_a_minute_enters_at_the_next_open():
    minutes = bars(quiet(m11=(98.4, 98.4, 98.3, 98.3)))
    row = traded(minutes, delay=1)
    assert (minute_of(row["entry_at"]), row["entry_price"]) == (11, 98.4)
    assert row["stop_price"] == pytest.approx(98.0 * 0.999)


def test_the_stop_lies_under_the_low_where_that_is_lower():
    row = traded(bars(quiet(price=98.9)), fall(rung=0.02, low=98.0))
    assert row["stop_price"] == pytest.approx(98.0 * 0.999)


def test_after_a_halt_the_entry_is_the_first_bar_that_trades():
    row = traded(bars(quiet(first=40)))
    assert minute_of(row["entry_at"]) == 40


def test_no_bar_after_the_fall_is_no_trade():
    row = traded(bars({9: (98.2, 98.2, 98.0, 98.2)}), newest=ordinal_of(DAY) + 1)
    assert (row["status"], row["reason"]) == ("no_trade", "no_bar")


def test_an_unfinished_session_is_pending_whatever_happened():
    minutes = bars(quiet(last=200, m12=(97.0, 97.0, 96.0, 96.5)))
    pending = traded(minutes)
    assert (pending["status"], pending["reason"]) == ("pending", "session_not_complete")
    assert pd.isna(pending["exit_at"])
    assert pd.isna(pending["known_at"])
    assert pd.isna(pending["reversed"])
    # A later session in the data says that no more bars will come.
    assert traded(minutes, newest=ordinal_of(DAY) + 1)["exit_reason"] == "stop"


def test_doubtful_falls_are_not_traded():
    row = traded(bars(quiet()), fall(quality="lone_tick"))
    assert (row["status"], row["reason"]) == ("no_trade", "lone_tick")


def test_costs_of_both_sides_are_those_computed_by_hand():
    minutes = bars(quiet(m20=(98.2, 99.4, 98.2, 99.2)), volume=100_000, quotes=2.0)
    row = traded(minutes, config=TRADE)
    # Risk 250 USD / 0.491 is 509 shares; a quarter of the capital buys 254 at 98.2.
    assert row["shares"] == 254
    bps = 2.0 + 1.0 + 10.0 * np.sqrt(254 / 100_000)
    spread = 254 * (98.2 + 99.0) * bps / 1e4
    commission = 2 * max(1.0, 0.005 * 254)
    assert row["cost_r"] == pytest.approx((spread + commission) / (254 * RISK))
    assert row["r_multiple"] == pytest.approx(row["gross_r"] - row["cost_r"])


def test_a_missing_quote_costs_what_was_known_before_and_never_less_than_half_a_tick():
    minutes = bars(quiet(), quotes=np.nan)
    known = fall().assign(spread_level_bps=8.0)
    unknown = fall().assign(spread_level_bps=np.nan)
    shares = 254
    dear = traded(minutes, known)["cost_r"]
    cheap = traded(minutes, unknown)["cost_r"]
    assert dear == pytest.approx(2 * 98.2 * 8.0 / 1e4 / RISK)
    assert cheap == pytest.approx(2 * 0.005 / RISK)
    assert traded(minutes, unknown)["shares"] == shares


def test_no_fill_exceeds_its_share_of_a_bars_volume():
    minutes = bars(quiet(m20=(98.2, 98.2, 97.0, 97.1)), volume=1_000)
    minutes.loc[minutes["opens_minute"] == minutes["opens_minute"].iloc[11], "open"] = 97.2
    minutes.loc[10, "volume"] = 300
    row = traded(minutes)
    # 100 shares enter; 30 leave at the stop, the other 70 at the next open.
    assert row["shares"] == 100
    assert row["exit_price"] == pytest.approx((30 * STOP + 70 * 97.2) / 100)
    assert minute_of(row["exit_at"]) == 22
    assert traded(bars(quiet(), volume=9))["reason"] == "no_volume"
    assert traded(bars(quiet(), volume=np.nan))["shares"] == 254


def test_a_share_that_the_capital_does_not_pay_for_is_too_small_and_never_a_lack_of_volume():
    poor = FREE.model_copy(update={"capital_usd": 300.0})
    assert traded(bars(quiet()), config=poor)["reason"] == "too_small"
    risky = FREE.model_copy(update={"risk_frac": 1e-6})
    assert traded(bars(quiet(), volume=9), config=risky)["reason"] == "too_small"


def test_the_tick_at_detection_is_no_level_for_the_rest_of_the_session(monkeypatch):
    # A cent is 5 bps of half a spread at 10 USD: it floors each fill, and scales none.
    shape = np.where(np.arange(390) < 12, 0.84, 1.0)
    monkeypatch.setattr("trading_pipeline_tests.domain.test_selloff_trade.FLAT", shape)
    event = fall(low=9.8).assign(session_open=10.0, spread_level_bps=5.2)
    minutes = bars(quiet(price=9.82), quotes=np.nan)
    row = traded(minutes, event)
    assert row["exit_reason"] == "close"
    entry, leave = max(0.84 * 5.2, 0.005 / 9.82 * 1e4), 5.2
    risk = row["entry_price"] - row["stop_price"]
    assert row["cost_r"] == pytest.approx(9.82 * (entry + leave) / 1e4 / risk)


def test_the_plan_of_the_live_scan_is_the_trade_of_history():
    row = traded(bars(quiet()))
    plan = plan_trade(ENTRY, 98.0, 100.0, 0.02, FREE)
    assert (plan.stop_price, plan.target_price) == (row["stop_price"], row["target_price"])
    assert plan.shares == row["shares"]
    quarter = plan_trade(ENTRY, 98.0, 100.0, 0.02, FREE, risk_tier=0.25)
    assert quarter.shares == np.floor(62.5 / RISK)
    assert quarter.risk_usd <= 62.5
    assert plan_trade(99.5, 98.0, 100.0, 0.02, FREE).shares == 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.001, 0.02), rung=st.sampled_from([0.02, 0.1]))
def test_any_path_keeps_the_identities(seed, scale, rung):
    rng = np.random.default_rng(seed)
    low = 100 * (1 - rung) * (1 - abs(rng.normal(0, 0.003)))
    close = low * np.exp(np.cumsum(rng.normal(0, scale, 380)))
    opens = np.concatenate([[low * 1.001], close[:-1] * np.exp(rng.normal(0, scale / 2, 379))])
    high = np.maximum(opens, close) * (1 + abs(rng.normal(0, scale, 380)))
    bottom = np.minimum(opens, close) * (1 - abs(rng.normal(0, scale, 380)))
    table = dict(zip(range(10, 390), zip(opens, high, bottom, close, strict=True), strict=True))
    minutes = bars(table, volume=rng.integers(0, 50_000, 380).astype(float), quotes=np.nan)
    rows = trade_outcomes(fall(rung=rung, low=low), minutes, SYMBOLS, FLAT, ordinal_of(DAY), TRADE)
    closed = rows[rows["status"] == "closed"]
    assert (closed["mae_r"] <= 0).all()
    assert (closed["mfe_r"] >= 0).all()
    assert (closed["r_multiple"] <= closed["gross_r"]).all()
    assert (closed["stop_price"] < closed["entry_price"]).all()
    assert (closed["entry_price"] < closed["target_price"]).all()
    assert (closed["reversed"].astype(bool) == (closed["recovery_frac"] >= 0.5)).all()
    assert (closed["reversed"].astype(bool) == (closed["exit_reason"] == "target")).all()
    assert rows.loc[rows["status"] != "closed", "exit_price"].isna().all()
    shuffled = trade_outcomes(
        fall(rung=rung, low=low),
        minutes.sample(frac=1, random_state=seed),
        SYMBOLS,
        FLAT,
        ordinal_of(DAY),
        TRADE,
    )
    pd.testing.assert_frame_equal(rows, shuffled, check_exact=True)
