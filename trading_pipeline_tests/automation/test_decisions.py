"""Decisions of people: what they leave in the ledger and on the asset's page."""

import logging
from datetime import UTC, datetime

import dagster as dg
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import service
from trading_pipeline.assets.service import stage_challenger
from trading_pipeline.commands.run import instance_of
from trading_pipeline.commands.service import promote_challenger, roll_back
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.settings import load_settings

HOME_SETTINGS = {"tracking": {"enabled": False}}


class Staging:
    """The part of a stage run that staging a challenger uses."""

    log = logging.getLogger("staging")

    def __init__(self, warehouse, *, auto_promote, shadow_sessions):
        self.warehouse = warehouse
        gate = {"auto_promote": auto_promote, "shadow_sessions": shadow_sessions}
        flags = HOME_SETTINGS | {"gate": gate}
        self.config = load_settings(flags=flags, environment={})

    def read(self, sql, **params):
        return self.warehouse.read(sql, params)

    def table_whole(self, name):
        return self.warehouse.read(f"select * from {name}")


@pytest.fixture
def warehouse(tmp_path):
    warehouse = Warehouse(tmp_path, threads=1, memory_gb=1.0, lock_wait_seconds=10)
    warehouse.migrate()
    ConfigStore(tmp_path).save(load_settings(flags=HOME_SETTINGS, environment={}))
    return warehouse


def put_in_shadow(warehouse, *versions):
    for version in versions:
        number = len(warehouse.read("select * from gate.decisions")) + 1
        row = {
            "decision_id": number,
            "action": "shadow",
            "role": "shadow",
            "model_version": version,
            "previous_version": None,
            "decided_by": "pipeline",
            "decided_at": datetime(2020, 1, number, tzinfo=UTC),
            "reason": "a retrain",
            "verdict": "promoted",
        }
        warehouse.append("gate.decisions", pd.DataFrame([row]))


def speak(warehouse, version, *, sessions, backfilled=()):
    """Let a model have spoken in shadow."""
    columns = {
        row.column_name: row.data_type
        for row in warehouse.read(
            "select column_name, data_type from duckdb_columns()"
            " where schema_name = 'predictions' and table_name = 'live'"
            " and database_name = 'warehouse'"
        ).itertuples()
    }
    for session in (*sessions, *backfilled):
        said = {
            "prediction_id": f"{version}-{session}",
            "model_version": version,
            "role": "shadow",
            "session": session,
            "is_backfilled": session in backfilled,
        }
        filler = {
            "VARCHAR": "x",
            "DATE": pd.Timestamp("2020-01-02"),
            "DOUBLE": 0.5,
            "BOOLEAN": False,
        }
        stamp = pd.Timestamp("2020-01-02", tz="UTC")
        row = {
            name: filler.get(kind, stamp if "TIME ZONE" in kind else 1)
            for name, kind in columns.items()
        }
        warehouse.append("predictions.live", pd.DataFrame([row | said]))


def actions(warehouse):
    rows = warehouse.read("select * from gate.decisions order by decision_id")
    return list(zip(rows["action"], rows["model_version"], strict=True))


def test_promotion_needs_a_challenger(warehouse):
    with pytest.raises(InputError, match="nothing to promote"):
        promote_challenger(warehouse.home, "ann", "why not", anyway=True)


def test_a_challenger_the_gate_did_not_pass_needs_an_override(warehouse):
    put_in_shadow(warehouse, "model-a")

    with pytest.raises(InputError, match="override the gate"):
        promote_challenger(warehouse.home, "ann", "hope", anyway=False)

    assert actions(warehouse) == [("shadow", "model-a")]


def test_roll_back_needs_a_champion_before_this_one(warehouse):
    with pytest.raises(InputError, match="no champion"):
        roll_back(warehouse.home, "ann", "worse")
    put_in_shadow(warehouse, "model-a")
    promote_challenger(warehouse.home, "ann", "first", anyway=True)

    with pytest.raises(InputError, match="first champion"):
        roll_back(warehouse.home, "ann", "worse")


def test_each_decision_shows_on_the_page_of_the_ledger(warehouse):
    put_in_shadow(warehouse, "model-a")
    promote_challenger(warehouse.home, "ann", "first", anyway=True)
    put_in_shadow(warehouse, "model-b")
    promote_challenger(warehouse.home, "ann", "newer", anyway=True)

    roll_back(warehouse.home, "ann", "worse live")

    with instance_of(warehouse.home) as instance:
        key = dg.AssetKey(["gate", "decisions"])
        events = instance.fetch_materializations(key, limit=10).records
    newest = events[0].asset_materialization.metadata
    assert len(events) == 3
    assert newest["action"].value == "rollback"
    assert newest["model_version"].value == "model-a"
    assert newest["decided_by"].value == "ann"


@pytest.fixture
def staging(warehouse, monkeypatch):
    """Make a run whose models are all readable, but for those named broken."""

    def make(*, auto_promote=True, shadow_sessions=0, broken=()):
        fault = dict.fromkeys(broken, "its files are broken")
        monkeypatch.setattr(service, "model_fault", lambda _, version: fault.get(version, ""))
        monkeypatch.setattr(service, "lacking_features", lambda *_: ())
        return Staging(warehouse, auto_promote=auto_promote, shadow_sessions=shadow_sessions)

    return make


@pytest.mark.parametrize(
    ("auto_promote", "verdict", "is_promoted"),
    [(True, "promoted", True), (True, "undecided", False), (False, "promoted", False)],
)
def test_the_pipeline_promotes_only_what_passed_and_where_told_to(
    warehouse, staging, auto_promote, verdict, is_promoted
):
    run = staging(auto_promote=auto_promote)

    stage_challenger(run, "model-a", verdict)
    stage_challenger(run, "model-a", verdict)

    promoted = [("promote", "model-a")] if is_promoted else []
    assert actions(warehouse) == [("shadow", "model-a"), *promoted]


def test_a_challenger_is_promoted_after_its_shadow_period_and_before_the_next_is_staged(
    warehouse, staging
):
    run = staging(shadow_sessions=3)
    stage_challenger(run, "model-a", "promoted")
    assert actions(warehouse) == [("shadow", "model-a")]
    speak(warehouse, "model-a", sessions=(1, 2), backfilled=(3, 4))
    stage_challenger(run, "model-a", "promoted")
    assert actions(warehouse) == [("shadow", "model-a")]
    speak(warehouse, "model-a", sessions=(5,))
    stage_challenger(run, "model-b", "rejected")
    assert actions(warehouse)[1:] == [("promote", "model-a"), ("shadow", "model-b")]
    promoted = warehouse.read("select * from gate.decisions order by decision_id").iloc[1]
    assert (promoted["decided_by"], promoted["verdict"]) == ("auto_promote", "promoted")
    assert "about 3 sessions" in promoted["reason"]


def test_a_challenger_that_failed_the_gate_is_never_promoted_by_its_successors_verdict(
    warehouse, staging
):
    run = staging(shadow_sessions=1)
    stage_challenger(run, "model-a", "rejected")
    speak(warehouse, "model-a", sessions=(1, 2, 3))
    stage_challenger(run, "model-b", "promoted")
    assert actions(warehouse) == [("shadow", "model-a"), ("shadow", "model-b")]


def test_a_challenger_whose_files_are_broken_is_not_promoted(warehouse, staging):
    stage_challenger(staging(broken=("model-a",)), "model-a", "promoted")
    assert actions(warehouse) == [("shadow", "model-a")]


def test_what_a_person_rolled_back_does_not_come_back_by_itself(warehouse, staging):
    run = staging()
    stage_challenger(run, "model-a", "promoted")
    stage_challenger(run, "model-b", "promoted")
    roll_back(warehouse.home, "ann", "worse live")
    stage_challenger(run, "model-b", "promoted")
    assert actions(warehouse)[-1] == ("rollback", "model-a")
