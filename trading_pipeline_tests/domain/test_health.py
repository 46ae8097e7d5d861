"""An unhealthy champion is told of by every criterion; the SQL checks find contradictions."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from trading_pipeline.domain.gate.health import (
    HEALTHY,
    NOBODY,
    UNHEALTHY,
    HealthEvidence,
    health_findings,
    health_state,
    health_table,
)

SQL = Path(__file__).parents[2] / "sql"
FINE = HealthEvidence(
    model_version="a", n_features=3, sessions_behind=0, n_open_episodes=0, drift_state="calm"
)
ILL = {
    "files": {"files_fault": "lightgbm.txt differs from its manifest"},
    "loads": {"load_fault": "ValueError: no model"},
    "features": {"lacking": ("rsi_14",)},
    "predictions": {"sessions_behind": 3},
    "drift": {"n_open_episodes": 1},
}
RULES = "gate_health_follows_its_rules"
FAULTS = {
    RULES: [
        "delete from gate.health where criterion = 'drift'",
        "delete from gate.health where criterion = 'in_service'",
        "insert into gate.health from gate.health where position = 1",
        "update gate.health set model_version = 'b' where position = 1",
        "update gate.health set model_version = null",
        "update gate.health set value = 2 where criterion = 'predictions'",
        "update gate.health set is_healthy = false where criterion = 'features'",
        "update gate.health set is_healthy = false where criterion = 'files'",
        "update gate.health set is_healthy = null where criterion = 'in_service'",
    ],
    "gate_health_rows_have_provenance": ["update gate.health set code_version = null"],
}


def by_criterion(evidence):
    return {finding.criterion: finding for finding in health_findings(evidence)}


def test_a_champion_with_nothing_wrong_is_healthy():
    findings = health_findings(FINE)
    assert all(finding.is_healthy for finding in findings)
    assert health_state(findings) == HEALTHY


@pytest.mark.parametrize("criterion", ILL)
def test_one_fault_makes_a_champion_unhealthy_and_is_named(criterion):
    evidence = replace(FINE, **ILL[criterion])
    findings = by_criterion(evidence)
    assert findings[criterion].is_healthy is False
    wrong = {name for name, finding in findings.items() if finding.is_healthy is False}
    assert wrong == {criterion}
    assert health_state(tuple(findings.values())) == UNHEALTHY
    told = str(next(iter(ILL[criterion].values())))
    if criterion in ("files", "loads"):
        assert findings[criterion].detail == told


def test_what_cannot_be_examined_is_not_assessable_and_makes_nobody_ill():
    broken = by_criterion(replace(FINE, files_fault="gone"))
    assert broken["loads"].is_healthy is None
    assert broken["features"].is_healthy is None
    silent = replace(FINE, sessions_behind=None, n_open_episodes=None)
    assert health_state(health_findings(silent)) == HEALTHY


def test_without_a_champion_there_is_one_line_and_no_verdict():
    (line,) = health_findings(HealthEvidence())
    assert line.is_healthy is None
    assert health_state((line,)) == NOBODY


@pytest.fixture
def connection(tmp_path):
    with duckdb.connect(str(tmp_path / "checks.duckdb"), config={"threads": 1}) as opened:
        for name in ("0011_gate", "0014_reports", "0027_health_and_log"):
            opened.execute((SQL / f"migrations/{name}.sql").read_text())
        yield opened


def filled(connection, evidence):
    rows = health_table(evidence).assign(
        run_id="r", code_version="c", data_version="d", config_version="s"
    )
    connection.register("rows", rows)
    connection.execute("insert into gate.health by name from rows")


def offenders(connection, name):
    return connection.sql((SQL / f"checks/{name}.sql").read_text()).fetchall()


@pytest.mark.parametrize(
    "evidence", [FINE, HealthEvidence(), *(replace(FINE, **ill) for ill in ILL.values())]
)
def test_what_the_stage_writes_passes_its_checks(connection, evidence):
    filled(connection, evidence)
    assert not any(offenders(connection, name) for name in FAULTS)


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name, faults in FAULTS.items() for fault in faults]
)
def test_each_check_finds_its_fault(connection, name, fault):
    filled(connection, FINE)
    connection.execute(fault)
    assert offenders(connection, name)
