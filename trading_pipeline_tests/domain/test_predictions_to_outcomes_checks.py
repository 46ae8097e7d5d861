"""The checks of predictions and outcomes pass sound rows, and return each one that was spoiled."""

import re
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.domain.bars.sessions import DECISION_TIME, at_new_york, session_table

SQL = Path(__file__).resolve().parents[2] / "sql"
CHECKS = {
    path.stem: path.read_text()
    for stage in ("predictions", "outcomes")
    for path in sorted((SQL / "checks").glob(f"{stage}_*.sql"))
}
FIRST, HORIZON = 6000, 3
DAYS = session_table().iloc[FIRST : FIRST + 5].reset_index(drop=True)
TWICE = "insert into {0} select * from {0} limit 1"
FAULTS = {
    "predictions_live_are_said_once": [TWICE.format("predictions.live")],
    "predictions_live_are_possible": [
        "update predictions.live set role = 'guest'",
        "update predictions.live set probability = 1.1",
        "update predictions.live set known_at = predicted_at + interval 1 minute",
        "update predictions.live set predicted_at = predicted_at + interval 1 minute",
        "update predictions.live set reasons = 'because'",
        "update predictions.live set prediction_id = 'one'",
    ],
    "predictions_live_rows_have_provenance": ["update predictions.live set run_id = null"],
    "outcomes_resolved_rows_have_provenance": ["update outcomes.resolved set data_version = null"],
    "outcomes_resolved_follow_their_prediction": [
        TWICE.format("outcomes.resolved"),
        "delete from predictions.live",
        "update predictions.live set probability = 0.5",
        "update outcomes.resolved set end_session = end_session - 1",
        "delete from bars.daily where session > 6001",
        "update outcomes.resolved set known_at = known_at - interval 1 day",
    ],
    "outcomes_resolved_values_agree": [
        "update outcomes.resolved set status = 'won'",
        "update outcomes.resolved set mfe_frac = -0.01",
        "update outcomes.resolved set mae_frac = 0.01",
        "update outcomes.resolved set mfe_frac = 0.04",
        "update outcomes.resolved set raw_return_frac = -0.5",
        "update outcomes.resolved set raw_return_frac = null",
        "update outcomes.resolved set sessions_to_peak = null",
        "update outcomes.resolved set sessions_to_peak = 4",
        "update outcomes.resolved set hit_raw = false",
        "update outcomes.resolved set hit_excess = null",
        "update outcomes.resolved set label = 2",
    ],
    "outcomes_tracking_scores_are_told_or_missing": [
        TWICE.format("outcomes.tracking"),
        "update outcomes.tracking set level = 'world'",
        "update outcomes.tracking set is_assessable = false",
        "update outcomes.tracking set hit_rate = 1.1",
        "update outcomes.tracking set auc = 1.1, auc_high = 1.2",
        "update outcomes.tracking set auc_low = 0.6",
        "update outcomes.tracking set n_rows = 1",
    ],
}


def sound_rows():
    """Return one prediction with its outcome, and the group it is tracked in."""
    day = DAYS["session_date"].iloc[0]
    common = {
        "prediction_id": f"shadow:m1:AAA:{day:%Y-%m-%d}",
        "symbol": "AAA",
        "session_date": day,
        "session": FIRST,
        "role": "shadow",
        "model_version": "m1",
        "probability": 0.7,
        "regime": "normal",
        "horizon_sessions": HORIZON,
    }
    live = common | {
        "known_at": DAYS["closes_at"].iloc[0],
        "predicted_at": at_new_york(pd.DatetimeIndex([day]), DECISION_TIME)[0],
        "reasons": '[["rsi_14", 0.1]]',
        "is_backfilled": False,
    }
    outcome = common | {
        "end_session": FIRST + HORIZON,
        "end_date": DAYS["session_date"].iloc[HORIZON],
        "raw_return_frac": 0.05,
        "excess_return_frac": 0.01,
        "label": 1,
        "mfe_frac": 0.08,
        "mae_frac": -0.04,
        "sessions_to_peak": 2,
        "hit_raw": True,
        "hit_excess": True,
        "status": "traded",
        "known_at": DAYS["closes_at"].iloc[HORIZON],
    }
    group = {
        "role": "shadow",
        "level": "sector",
        "name": "Energy",
        "position": 1,
        "n_rows": 40,
        "n_sessions": 30,
        "n_horizons": 10.0,
        "is_assessable": True,
        "hit_rate": 0.5,
        "hit_rate_low": 0.4,
        "hit_rate_high": 0.6,
        "raw_hit_rate": 0.3,
        "auc": 0.52,
        "auc_low": 0.48,
        "auc_high": 0.56,
        "ece": 0.01,
        "calibration_slope": 0.9,
    }
    bars = DAYS[["session_date", "session"]].assign(
        symbol="AAA", close=1.0, adj_factor=1.0, prices="total", has_vendor_seam=False,
        vendor="made", known_at=DAYS["closes_at"],
    )  # fmt: skip
    return {
        "bars.daily": bars,
        "predictions.live": pd.DataFrame([live]),
        "outcomes.resolved": pd.DataFrame([outcome]),
        "outcomes.tracking": pd.DataFrame([group]),
    }


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory):
    """A database with the migrations applied and sound rows inside."""
    file = tmp_path_factory.mktemp("checks") / "warehouse.duckdb"
    with duckdb.connect(str(file), config={"threads": 1}) as connection:
        connection.execute("set timezone = 'UTC'")
        for migration in sorted((SQL / "migrations").glob("*.sql")):
            connection.execute(migration.read_text())
        for table, frame in sound_rows().items():
            rows = frame.assign(**dict.fromkeys(PROVENANCE_COLUMNS, "made"))
            connection.register("incoming", rows)
            connection.execute(f"insert into {table} by name select * from incoming")
        yield connection


def offending(connection, name):
    sql = CHECKS[name]
    params = {"hit_return_frac": 0.02} if "= $hit_return_frac" in sql else None
    return connection.execute(sql, params).fetchall()


def test_every_check_guards_its_own_stage_and_has_a_fault_that_it_must_catch():
    assert set(CHECKS) == set(FAULTS)
    for name, sql in CHECKS.items():
        asset = re.search(r"^-- asset +(\w+\.\w+)$", sql, re.MULTILINE)[1]
        assert asset in sound_rows()
        assert name.startswith(asset.replace(".", "_"))


@pytest.mark.parametrize("name", CHECKS)
def test_sound_rows_pass(warehouse, name):
    assert offending(warehouse, name) == []


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_a_fault_is_caught(warehouse, name, fault):
    warehouse.execute("begin")
    try:
        warehouse.execute(fault)
        assert offending(warehouse, name)
    finally:
        warehouse.execute("rollback")
