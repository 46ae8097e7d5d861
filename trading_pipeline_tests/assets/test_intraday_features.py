"""features.intraday, month by month in the lake, holds the rows of the whole history at once."""

import dagster as dg
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.features.intraday import KEYS, compute_intraday_set
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.test_features_intraday import made_minutes

BARS = ("requests", "minute", "intraday", "corporate_actions")
SPLIT = "symbol,ex_date,action,ratio\nBBB,2023-11-01,split,4\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return (result, warehouse) of ten sessions over a month's end and a split."""
    folder = tmp_path_factory.mktemp("intraday")
    market, home = folder / "market", folder / "home"
    (market / "daily").mkdir(parents=True)
    (market / "minute").mkdir()
    home.mkdir()
    days = pd.bdate_range("2023-10-25", "2023-11-07")
    daily = pd.DataFrame({"symbol": "AAA", "ts": days, "close": 10.0})
    daily.to_csv(market / "daily" / "bars.csv", index=False)
    minutes = made_minutes(("AAA", "BBB"), "2023-10-25", "2023-11-07")
    minutes["ts"] = minutes.pop("opens_at").dt.tz_localize(None)
    minutes.to_parquet(market / "minute" / "minutes.parquet", index=False)
    (market / "corporate_actions.csv").write_text(SPLIT)
    source = {"kind": "files", "data": str(market)}
    ConfigStore(home).save(load_settings(flags={"source": source}, environment={}))
    keys = [*(["bars", name] for name in BARS), ["features", "intraday"]]
    selection = dg.AssetSelection.assets(*keys)
    job = dg.define_asset_job("intraday", selection=selection, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(build_definitions(home), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("intraday").execute_in_process(instance=instance)
    return result, Warehouse(home, threads=1)


def test_months_one_by_one_are_the_whole_history(done):
    result, warehouse = done
    assert result.success
    minutes = warehouse.read("select * from bars.minute")
    actions = warehouse.read("select * from bars.corporate_actions")
    config = load_settings(environment={}).features.intraday
    order = ["symbol", "opens_at", "interval_minutes"]
    whole = compute_intraday_set(minutes, config, actions).sort_values(order, ignore_index=True)
    stored = warehouse.read("select * from features.intraday order by symbol, opens_at, 1")
    stored = stored.sort_values(order, ignore_index=True)
    months = warehouse.read("select * from provenance.partitions where asset = 'features.intraday'")
    assert sorted(months["partition"]) == ["month=2023-10", "month=2023-11"]
    assert len(stored) == len(whole) > 2000
    names = [name for name in whole.columns if name not in KEYS]
    pd.testing.assert_frame_equal(stored[names], whole[names], check_exact=True)
    assert (stored["known_at"] == whole["known_at"]).all()


def test_what_is_shown_of_the_asset_says_what_it_holds(done):
    (event,) = done[0].asset_materializations_for_node("features__intraday")
    assert event.metadata["months"].value == 2
    assert event.metadata["timeframes"].value == "5 min, 10 min, 15 min, 60 min"
    assert "data:image/svg" in event.metadata["plot"].value
