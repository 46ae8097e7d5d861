"""The twelve steps of the weekly run are complete, shown on every asset, and taken in order."""

import dagster as dg
import pytest

from trading_pipeline.assets import all_assets
from trading_pipeline.assets.table_asset import PRIORITY_TAG, STEP_TAG, priority_of
from trading_pipeline.contracts.steps import STEPS, step_of
from trading_pipeline.definitions import build_definitions


def names():
    return {".".join(key.path) for asset in all_assets() for key in asset.keys}


def test_the_steps_are_the_twelve_of_the_weekly_run():
    assert [step.name for step in STEPS] == [
        *("ingest", "clean", "regimes", "archive", "features", "labels and splits", "sampling"),
        *("sweeps", "ensemble", "validation with SHAP", "gate", "drift and report"),
    ]
    assert STEPS[6].words == "step 7 of 12, sampling"
    assert STEPS[5].tag == "06-labels-and-splits"


def test_every_table_belongs_to_a_step_and_every_step_has_tables():
    assert {step_of(name) for name in names()} == set(STEPS)


def test_a_table_without_a_step_is_refused_by_name():
    with pytest.raises(ValueError, match=r"bars\.new belongs to no weekly step"):
        step_of("bars.new")


def test_every_asset_carries_its_step_as_a_tag():
    for asset in all_assets():
        for key in asset.keys:
            assert asset.tags_by_key[key][STEP_TAG] == step_of(".".join(key.path)).tag


def test_the_weekly_job_begins_with_the_champions_health_and_keeps_the_steps_order(tmp_path):
    job = build_definitions(tmp_path).resolve_job_def("weekly_retrain")
    priority = {node.name: int(node.tags.get(PRIORITY_TAG, 0)) for node in job.nodes}
    tables = {name: p for name, p in priority.items() if not name.endswith("_checks")}
    assert max(tables, key=tables.get) == "gate__health"
    assert not job.asset_layer.asset_graph.get(dg.AssetKey(["gate", "health"])).parent_keys
    checks = {name: p for name, p in priority.items() if name.endswith("_checks")}
    assert checks
    for name, value in checks.items():
        table = name.removesuffix("_checks").replace("_", ".", 1)
        assert value == priority_of(table) + 1
    in_order = sorted((name for name in names() if name != "gate.health"), key=priority_of)
    assert [step_of(name).number for name in reversed(in_order)] == sorted(
        step_of(name).number for name in in_order
    )
