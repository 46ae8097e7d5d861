"""One more month of bars computes only what the new bars can change."""

import shutil

import pandas as pd
import pytest

from trading_pipeline_tests.pipeline.homes import (
    SIGNAL,
    SIMULATION,
    Home,
    computed_tables,
    reused_tables,
    simulate,
)

# One worker: the tests share what is dear to make.
pytestmark = [pytest.mark.xdist_group("one home"), pytest.mark.long]

# What rests on the training span alone, which new bars leave as it was.
TRAINED = {
    "features.catalog", "features.selected", "sweeps.lightgbm", "sweeps.xgboost",
    "sweeps.catboost", "sweeps.trials", "sweeps.best", "ensemble.oof", "ensemble.model",
}  # fmt: skip
MOVED = {
    "bars.daily", "bars.vix", "regimes.market", "labels.direction", "features.daily",
    "ensemble.holdout", "ensemble.scores", "ensemble.deployed", "drift.sessions", "reports.runs",
}  # fmt: skip


def lake_files(home, table):
    folder = home.path / "lake" / table.replace(".", "/")
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.rglob("data.parquet")}


@pytest.fixture(scope="module")
def grown(finished, market, tmp_path_factory):
    """A finished home after a run on the same market, one month longer, at the same place.

    Returns (home, what it printed, features' files before).
    """
    folder = tmp_path_factory.mktemp("grown")
    home = Home(folder / "home", market, finished.settings)
    shutil.copytree(finished.path, home.path)
    longer = simulate(folder / "longer", *SIMULATION, *SIGNAL, "--extra-sessions", "21")
    aside = folder / "aside"
    before = lake_files(home, "features.daily")
    market.rename(aside)
    longer.rename(market)
    try:
        output = home.run()
    finally:
        market.rename(longer)
        aside.rename(market)
    return home, output, before


def test_what_rests_on_the_training_span_is_not_computed_again(grown):
    assert reused_tables(grown[1]) >= TRAINED


def test_what_new_bars_change_is_computed(grown, finished):
    home, output, _ = grown
    assert computed_tables(output) >= MOVED
    sessions = "select count(distinct session_date) as n from regimes.market"
    assert home.warehouse.read(sessions)["n"].iloc[0] == 421
    assert finished.warehouse.read(sessions)["n"].iloc[0] == 400
    assert home.result["holdout"]["rows"] >= finished.result["holdout"]["rows"]


@pytest.mark.parametrize("table", ["predictions.live", "outcomes.resolved"])
def test_what_was_said_and_resolved_is_added_to_and_never_rewritten(grown, finished, table):
    before = finished.warehouse.read(f"select * from {table} order by prediction_id")
    after = grown[0].warehouse.read(f"select * from {table} order by prediction_id")
    kept = after[after["prediction_id"].isin(before["prediction_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before, check_exact=True)
    assert after["session"].max() > before["session"].max()


def test_the_protocol_stays_the_same(grown, finished):
    query = "select protocol_id, holdout_start, holdout_end from splits.holdout"
    assert grown[0].warehouse.read(query).equals(finished.warehouse.read(query))


def test_files_of_closed_years_are_left_alone(grown):
    home, _, before = grown
    after = lake_files(home, "features.daily")
    assert set(before) == {"year=2008", "year=2009"}
    assert after["year=2008"] == before["year=2008"]
    assert after["year=2009"] > before["year=2009"]
