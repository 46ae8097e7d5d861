"""The scanner of a session: what it says, what it withholds and why, and that it says it once."""

import json

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.selloffs.alerts import NoModel, alert_id
from trading_pipeline.domain.selloffs.live_minutes import live_minutes
from trading_pipeline.domain.selloffs.session_scan import FEATURE_COLUMNS, SessionScan
from trading_pipeline_tests.domain.scan_session import (
    CONFIG,
    DAY,
    MINUTE,
    SESSION,
    MadeModel,
    context,
    replayed,
    scanner_of,
    session_minutes,
)


@pytest.fixture(scope="module")
def minutes():
    """Eight symbols, all minutes of the first hours there."""
    return session_minutes(8, 90, volatility=2.5e-3)


@pytest.fixture(scope="module")
def batch(minutes):
    """The falls of the whole day at once."""
    return SessionScan(DAY, context(8), CONFIG.selloffs).advance(minutes)


@pytest.fixture(scope="module")
def alerts(minutes):
    return replayed(scanner_of(8), minutes)


def test_a_replayed_day_says_of_each_fall_what_the_batch_says(alerts, batch):
    assert len(batch) > 10
    spoken = MadeModel().speak(batch)
    said = alerts.sort_values(["detected_at", "symbol", "rung"], ignore_index=True)
    for name in ("symbol", "session_date", "rung", "detected_at", "session_open", "low", "close"):
        assert said[name].tolist() == batch[name].tolist()
    for name in ("probability", "expected_r", "risk_tier"):
        assert said[name].tolist() == spoken[name].tolist()
    for text, (_, row) in zip(said["features_json"], batch.iterrows(), strict=True):
        asked = json.loads(text)
        for name, value in asked.items():
            known = row[name]
            assert value == known or (value is None and pd.isna(known)), name
        identity = {"symbol", "session_date", "rung", "detected_at", "session", "session_open"}
        assert set(asked) == set(FEATURE_COLUMNS) - identity - {"low"}


def test_the_alerts_are_the_same_in_any_order_of_rows_and_batches(minutes, alerts):
    shuffled = minutes.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(replayed(scanner_of(8), shuffled), alerts)


def test_ranks_count_from_one_in_each_minute_by_expected_result(alerts):
    for _, own in alerts.groupby("detected_at"):
        assert own["rank"].tolist() == list(range(1, len(own) + 1))
        spoken = own[own["status"] == "alert"]["expected_r"]
        assert spoken.is_monotonic_decreasing
    ids = alerts["alert_id"]
    assert ids.is_unique
    first = alerts.iloc[0]
    assert first.alert_id == alert_id("replay", first.symbol, DAY, first.rung)
    assert first.alert_id != alert_id("live", first.symbol, DAY, first.rung)


def test_stop_target_and_shares_follow_the_trade_rule_by_hand(alerts, batch):
    rule = CONFIG.selloffs.trade
    facts = batch.set_index(["symbol", "rung"])
    n_sized = 0
    for row in alerts.itertuples():
        fall = facts.loc[(row.symbol, row.rung)]
        assert row.stop_price == min(row.low * 0.999, row.close * (1 - row.rung / 4))
        assert row.target_price == pytest.approx((row.session_open + row.low) / 2)
        tradable = (
            row.status == "alert"
            and fall.is_first
            and row.close < row.target_price
            and fall.minutes_to_close >= 31
        )
        risk = row.risk_tier * rule.risk_frac * rule.capital_usd
        wanted = min(risk / (row.close - row.stop_price), 0.25 * rule.capital_usd / row.close)
        assert row.shares == (np.floor(wanted) if tradable else 0)
        n_sized += row.shares > 0
    assert n_sized > 0


def test_without_a_model_a_fall_is_told_with_no_probability_and_no_risk(minutes):
    said = replayed(scanner_of(8, speaker=NoModel()), minutes)
    assert said["probability"].isna().all()
    assert (said["risk_tier"] == 0).all()
    assert (said["shares"] == 0).all()
    assert said["model_version"].isna().all()
    for _, own in said.groupby("detected_at"):
        assert own["drop_frac"].is_monotonic_increasing


def test_a_stopped_scan_goes_on_without_a_loss_or_a_double_wherever_it_stopped(minutes, alerts):
    moments = sorted(minutes["closes_at"].unique())
    for at in (5, 60):
        before = replayed(scanner_of(8), minutes[minutes["closes_at"] <= moments[at]])
        told = alerts.iloc[:0] if before.empty else before
        after = replayed(scanner_of(8, told=told), minutes)
        whole = [part for part in (before, after) if len(part)]
        pd.testing.assert_frame_equal(pd.concat(whole, ignore_index=True), alerts)


def test_bars_that_come_twice_change_nothing(minutes, alerts):
    scanner = scanner_of(8)
    parts = []
    for now, part in minutes.groupby("closes_at"):
        back = minutes[(minutes["closes_at"] <= now) & (minutes["closes_at"] > now - 5 * MINUTE)]
        parts += [scanner.advance(back, now), scanner.advance(part, now)]
    said = pd.concat([part for part in parts if len(part)], ignore_index=True)
    pd.testing.assert_frame_equal(said, alerts)


def test_a_restart_in_session_withholds_what_it_missed_as_late_and_tells_it_once(minutes):
    now = SESSION.opens_at + 80 * MINUTE
    scanner = scanner_of(8, mode="live")
    said = scanner.advance(minutes[minutes["closes_at"] <= now], now)
    is_old = (now - said["detected_at"]).dt.total_seconds() > CONFIG.scan.stale_after_seconds
    assert is_old.any()
    assert (said.loc[is_old, "status"] == "withheld").all()
    assert said.loc[is_old, "reason"].str.contains("late").all()
    assert not said.loc[~is_old, "reason"].str.contains("late").any()
    assert (said.loc[is_old, "shares"] == 0).all()
    assert scanner.advance(minutes[minutes["closes_at"] <= now], now).empty


def test_a_minute_without_any_bar_withholds_what_falls_soon_after_it(minutes, alerts):
    hit = alerts[alerts["detected_at"] > SESSION.opens_at + 30 * MINUTE].iloc[0]
    hole = hit.detected_at - 4 * MINUTE
    said = replayed(scanner_of(8), minutes[minutes["closes_at"] != hole])
    after = said["detected_at"].between(hole, hole + CONFIG.scan.gap_minutes * MINUTE)
    near = said[after & (said["detected_at"] < hole + CONFIG.scan.gap_minutes * MINUTE)]
    assert len(near)
    assert (near["status"] == "withheld").all()
    assert near["reason"].str.contains("market gap: 1 of the last").all()
    assert not said[~after]["reason"].str.contains("market gap").any()
    assert set(said["alert_id"]) >= set(near["alert_id"])


def test_missing_minutes_of_one_symbol_withhold_its_falls_and_no_others(minutes, alerts):
    hit = alerts[
        (alerts["detected_at"] > SESSION.opens_at + 30 * MINUTE) & (alerts["status"] == "alert")
    ].iloc[0]
    # Every other minute before the fall: no gap is long enough to be a halt.
    gaps = [hit.detected_at - n * MINUTE for n in (2, 4, 6, 8)]
    own = (minutes["symbol"] == hit.symbol) & minutes["closes_at"].isin(gaps)
    said = replayed(scanner_of(8), minutes[~own]).set_index("alert_id")
    row = said.loc[hit.alert_id]
    assert row.status == "withheld"
    assert row.reason == "gap: 4 of its last 15 minutes are missing"
    others = said[said["symbol"] != hit.symbol]
    assert not others["reason"].str.contains("gap").any()


def test_a_fall_that_its_bars_do_not_support_is_withheld_with_the_word_for_it(minutes):
    late = minutes[
        (minutes["symbol"] != "S001") | (minutes["opens_at"] >= SESSION.opens_at + 10 * MINUTE)
    ]
    said = replayed(scanner_of(8, gap_minutes=1, max_missing_minutes=1), late)
    own = said[said["symbol"] == "S001"]
    assert len(own)
    assert own["reason"].str.startswith("late open").all()


def test_only_watched_symbols_are_spoken_of_while_all_are_context(minutes, alerts):
    said = replayed(scanner_of(8, watched=["S001", "S002"]), minutes)
    kept = alerts[alerts["symbol"].isin(["S001", "S002"])].reset_index(drop=True)
    same = [name for name in kept.columns if name != "rank"]
    pd.testing.assert_frame_equal(said[same], kept[same])


def test_data_are_stale_while_nothing_new_comes_in_an_open_session(minutes):
    scanner = scanner_of(8, mode="live", stale_after_seconds=150)
    coverage = scanner.coverage
    assert coverage.stale_since(SESSION.opens_at - MINUTE) is None
    assert coverage.stale_since(SESSION.opens_at + 2 * MINUTE) is None
    assert coverage.stale_since(SESSION.opens_at + 3 * MINUTE) == SESSION.opens_at
    newest = SESSION.opens_at + 70 * MINUTE
    scanner.advance(minutes[minutes["closes_at"] <= newest], newest)
    assert coverage.stale_since(newest + 2 * MINUTE) is None
    assert coverage.stale_since(newest + 3 * MINUTE) == newest
    whole = session_minutes(1)
    scanner.advance(whole, SESSION.closes_at)
    assert coverage.stale_since(SESSION.closes_at + 90 * MINUTE) is None


def test_a_late_bar_is_counted_and_the_fall_in_it_is_not_lost(minutes, alerts):
    hit = alerts[alerts["status"] == "alert"].iloc[0]
    held = (minutes["symbol"] == hit.symbol) & (minutes["closes_at"] == hit.detected_at)
    scanner = scanner_of(8)
    scanner.advance(minutes[~held & (minutes["closes_at"] <= hit.detected_at)], hit.detected_at)
    said = scanner.advance(minutes[held], hit.detected_at + MINUTE)
    assert scanner.n_late_bars == 1
    assert hit.alert_id in set(said["alert_id"])
    # Ranks of that minute go on after those that were given before.
    before = scanner_of(8).advance(
        minutes[~held & (minutes["closes_at"] <= hit.detected_at)], hit.detected_at
    )
    n_before = int((before["detected_at"] == hit.detected_at).sum()) if len(before) else 0
    assert said["rank"].min() == n_before + 1


def test_an_impossible_or_unfinished_bar_of_a_vendor_is_left_out():
    at = SESSION.opens_at.tz_localize(None)
    rows = pd.DataFrame(
        {
            "symbol": ["A", "B", "C", "D", "E", "F"],
            "ts": [at, at, at, at + 5 * MINUTE, at - MINUTE, at],
            "open": [10.0, 10.0, np.nan, 10.0, 10.0, 10.0],
            "high": [10.5, 10.5, 10.5, 10.5, 10.5, 10.5],
            "low": [9.5, 9.5, 9.5, 9.5, 9.5, -9.5],
            "close": [10.0, 11.0, 10.0, 10.0, 10.0, 10.0],
            "volume": [100.0, 100.0, 100.0, 100.0, 100.0, 100.0],
        }
    )
    bars = live_minutes(rows, SESSION, "made", SESSION.opens_at + 5 * MINUTE)
    assert bars["symbol"].tolist() == ["A"]
    assert bars["closes_at"].tolist() == [SESSION.opens_at + MINUTE]
    nothing = live_minutes(pd.DataFrame(), SESSION, "made", SESSION.opens_at)
    assert nothing.dtypes.to_dict() == bars.iloc[:0].dtypes.to_dict()
