"""The SQL checks of catalogue and selection pass what the stage makes and catch each fault."""

import functools
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.domain.features.intraday_registry import intraday_registry
from trading_pipeline.domain.features.registry import catalog_frame, feature_registry
from trading_pipeline.domain.features.selection import select_features
from trading_pipeline.settings import load_settings

SQL = Path(__file__).resolve().parents[2] / "sql"
CONFIG = load_settings(environment={}).features
GRAIN, WHY = "features_catalog_grain_is_unique", "features_selected_say_why"


@functools.cache
def made():
    """Return a catalogue and a selection that gives each reason."""
    own = feature_registry(CONFIG)
    catalogue = catalog_frame((*own, *intraday_registry(CONFIG.intraday)))
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"symbol": "AAA", "session": np.arange(400)})
    frame = frame.assign(a=rng.normal(size=400), b=rng.normal(size=400), c=1.0)
    frame = frame.assign(d=frame["a"], e=frame["a"] + 0.01 * frame["b"], f=np.nan)
    names = pd.DataFrame({"feature": list("abcdef")})
    label = pd.Series((frame["a"] > 0).astype("float64"))
    selected = select_features(frame, label, None, CONFIG, names).assign(block=1)
    return catalogue, selected


@pytest.fixture
def warehouse():
    """A database with the catalogue and the selection of random values."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as made; use made; detach memory")
    for path in sorted((SQL / "migrations").glob("*.sql")):
        connection.execute(path.read_text())
    catalogue, selected = made()
    for table, rows in (("catalog", catalogue), ("selected", selected)):
        connection.register("incoming", rows)
        connection.execute(f"insert into features.{table} by name from incoming")
    with connection:
        yield connection


def offending(connection, check):
    return connection.execute((SQL / "checks" / f"{check}.sql").read_text()).df()


@pytest.mark.parametrize("check", [GRAIN, WHY])
def test_what_the_stage_makes_passes(warehouse, check):
    assert warehouse.execute("select count(*) from features.catalog").fetchone()[0] > 200
    assert warehouse.execute("select count(*) from features.selected").fetchone() == (6,)
    assert offending(warehouse, check).empty


FAULTS = (
    (GRAIN, "insert into features.catalog from features.catalog limit 1"),
    (WHY, "update features.selected set is_selected = false where feature = 'a'"),
    (WHY, "update features.selected set reason = 'because' where feature = 'c'"),
    (WHY, "update features.selected set missing_frac = 1.5 where feature = 'c'"),
    (WHY, "update features.selected set score = 0.6, regime_score = 0.6 where feature = 'a'"),
    (WHY, "update features.selected set regime_score = 0 where feature = 'a'"),
    (WHY, "update features.selected set stability_z = -1 where feature = 'a'"),
    (WHY, "update features.selected set importance = 2 where feature = 'a'"),
)


@pytest.mark.parametrize(("check", "fault"), FAULTS)
def test_a_fault_is_caught(warehouse, check, fault):
    warehouse.execute(fault)
    assert len(offending(warehouse, check)) == 1


def test_the_library_keeps_the_rows_of_an_older_warehouse():
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as made; use made; detach memory")
        files = sorted((SQL / "migrations").glob("*.sql"))
        before = [path for path in files if path.name < "0018"]
        for path in before:
            connection.execute(path.read_text())
        connection.execute(
            "insert into features.catalog select 'x', 'fa', 'fo', 'u', 3, 'i', 'k', 's', 'r', 'c',"
            " 'd', 'v'; insert into features.selected select 1, 'x', true, 'kept', 0, 0.2, 'r',"
            " 'c', 'd', 'v'"
        )
        for path in files[len(before) :]:
            connection.execute(path.read_text())
        row = connection.execute("select * from features.catalog").df().iloc[0]
        assert row["feature"] == "x"
        assert (row["stage"], row["lookback_sessions"], row["config_version"]) == ("daily", 3, "v")
        row = connection.execute("select * from features.selected").df().iloc[0]
        assert (row["score"], row["importance"], row["config_version"]) == (0.2, 0.0, "v")
        assert list(row.index[-4:]) == ["run_id", "code_version", "data_version", "config_version"]
