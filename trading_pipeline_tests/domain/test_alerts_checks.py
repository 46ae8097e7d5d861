"""The checks of the alerts pass what the scanner makes, and return the row that was spoiled."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline_tests.domain.scan_session import replayed, scanner_of, session_minutes

CHECKS = {
    path.stem: path.read_text()
    for path in sorted((Path(__file__).parents[2] / "sql/checks").glob("selloffs_alerts_*.sql"))
}
MINUTE = pd.Timedelta(minutes=1)


@pytest.fixture(scope="module")
def alerts():
    made = replayed(scanner_of(6), session_minutes(6, 60, volatility=3e-3))
    return made.assign(alerted_at=made["detected_at"] + MINUTE, latency_ms=3.0)


def failing(rows):
    """Return the checks that return a row."""
    with duckdb.connect() as connection:
        connection.execute("create schema selloffs")
        connection.register("rows", rows)
        connection.execute("create table selloffs.alerts as from rows")
        return {name for name, sql in CHECKS.items() if connection.execute(sql).fetchall()}


def test_what_the_scanner_makes_passes_every_check(alerts):
    assert len(CHECKS) == 3
    assert len(alerts) > 3
    assert failing(alerts) == set()


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("status", "maybe", "selloffs_alerts_are_possible"),
        ("mode", "test", "selloffs_alerts_are_possible"),
        ("reason", "late", "selloffs_alerts_are_possible"),
        ("status", "withheld", "selloffs_alerts_are_possible"),
        ("drop_frac", 0.01, "selloffs_alerts_are_possible"),
        ("stop_price", 99.0, "selloffs_alerts_are_possible"),
        ("target_price", 1.0, "selloffs_alerts_are_possible"),
        ("risk_tier", 1.5, "selloffs_alerts_are_possible"),
        ("probability", 1.5, "selloffs_alerts_are_possible"),
        ("model_version", None, "selloffs_alerts_are_possible"),
        ("shares", -1.0, "selloffs_alerts_are_possible"),
        ("latency_ms", -1.0, "selloffs_alerts_are_possible"),
        ("rank", 7, "selloffs_alerts_are_ranked"),
    ],
)
def test_a_spoiled_value_is_returned_by_its_check(alerts, column, value, check):
    spoiled = alerts.copy()
    place = int((alerts["status"] == "alert").to_numpy().argmax())
    spoiled[column] = spoiled[column].astype(object)
    spoiled.loc[place, column] = value
    spoiled[column] = spoiled[column].infer_objects()
    assert check in failing(spoiled)


def test_a_fall_told_twice_is_returned_whatever_its_id(alerts):
    twice = pd.concat([alerts, alerts.iloc[:1].assign(alert_id="other", rank=99)])
    assert "selloffs_alerts_are_told_once" in failing(twice)
