"""Each SQL check of scans.history passes real rows, and returns the row that was spoiled."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline_tests.domain.test_scans import DATE, LAST, moment_of, row_of

ROOT = Path(__file__).parents[2]
CHECKS = {path.stem: path.read_text() for path in (ROOT / "sql/checks").glob("scans_*.sql")}


def rows():
    """Return a live scan, one before the open, and a historical one."""
    made = [row_of(), row_of(moment=moment_of(LAST, "08:00"))]
    return pd.DataFrame([*made, row_of("historical", moment_of(LAST, "16:00"))])


@pytest.fixture(scope="module")
def warehouse():
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute((ROOT / "sql/migrations/0036_scans.sql").read_text())
        yield connection


def failing(warehouse, scans):
    warehouse.execute("delete from scans.history")
    warehouse.register("incoming", scans)
    warehouse.execute("insert into scans.history by name from incoming")
    return {name for name, sql in CHECKS.items() if warehouse.execute(sql).fetchall()}


def test_sound_scans_pass_every_check(warehouse):
    assert CHECKS
    assert failing(warehouse, rows()) == set()
    assert failing(warehouse, rows().iloc[:0]) == set()


def test_a_scan_without_index_and_vix_passes_every_check(warehouse):
    bare = rows().assign(spy_trend=None)
    measures = ["annualised_volatility", "momentum", "return_5d", "return_20d", "vix"]
    assert failing(warehouse, bare.assign(**dict.fromkeys(measures))) == set()


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("mode", "dry", "scans_history_is_possible"),
        ("total_seconds", -1.0, "scans_history_is_possible"),
        ("min_tech_rating", 101.0, "scans_history_is_possible"),
        ("min_dollar_volume", -1.0, "scans_history_is_possible"),
        ("sectors_json", "[Energy", "scans_history_is_possible"),
        ("n_symbols", 501, "scans_history_is_possible"),
        ("n_withheld", 3, "scans_history_is_possible"),
        ("n_signals", 3, "scans_history_is_possible"),
        ("spy_trend", "sideways", "scans_history_is_possible"),
        ("vix", np.nan, "scans_history_is_possible"),
        ("vix", 0.0, "scans_history_is_possible"),
        ("day_of_week", "sunday", "scans_history_moments_agree"),
        ("time_of_day", "noon", "scans_history_moments_agree"),
        ("time_of_day", "after_hours", "scans_history_moments_agree"),
        ("is_market_hours", False, "scans_history_moments_agree"),
        ("session_date", DATE - pd.Timedelta(days=1), "scans_history_moments_agree"),
        ("mode", "historical", "scans_history_moments_agree"),
        ("momentum", 0.123, "scans_history_momentum_follows"),
        ("momentum", None, "scans_history_momentum_follows"),
        ("return_20d", None, "scans_history_momentum_follows"),
    ],
)
def test_a_spoiled_value_is_returned_by_its_check(warehouse, column, value, check):
    scans = rows()
    kept = scans[column].astype(object)
    kept.iloc[0] = value
    spoiled = scans.assign(**{column: kept})
    if isinstance(value, float) and np.isnan(value):
        failing(warehouse, scans)
        warehouse.execute("update scans.history set vix = 'nan' where mode = 'live'")
        assert warehouse.execute(CHECKS[check]).fetchall()
        return
    assert check in failing(warehouse, spoiled)


def test_the_same_scan_cannot_stand_twice(warehouse):
    with pytest.raises(duckdb.ConstraintException):
        failing(warehouse, pd.concat([rows(), rows()]))
