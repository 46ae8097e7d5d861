"""Falls, month by month in the lake: only what changed is computed again, and equals all anew."""

import json

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.scan_run import replay_request, run_scan
from trading_pipeline.commands.scan_view import PlainView
from trading_pipeline.definitions import build_definitions
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.selloffs_market import made_minutes

BARS = ("requests", "daily", "minute", "quotes", "vix", "sectors", "corporate_actions", "universe")
DAY = pd.Timestamp("2023-07-14")
TABLES = ("events", "features", "outcomes")
MANIFEST = """
index_symbol = "SPY"
[files."daily/bars.csv"]
vendor = "made"
interval = "1d"
prices = "raw"
adjusted = false
[files."minute/minutes.parquet"]
vendor = "made"
interval = "1m"
adjusted = false
"""


def write_market(folder, minutes):
    """Write minutes, and the daily bars made of them, as a market folder."""
    (folder / "daily").mkdir(parents=True, exist_ok=True)
    (folder / "minute").mkdir(exist_ok=True)
    (folder / "market.toml").write_text(MANIFEST)
    regular = minutes[minutes["is_regular"]].sort_values(["symbol", "opens_at"])
    daily = regular.groupby(["symbol", "session_date"], as_index=False).agg(
        open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last")
    )
    named = daily.rename(columns={"session_date": "ts"}).assign(volume=1e6)
    named.to_csv(folder / "daily" / "bars.csv", index=False)
    columns = ["symbol", "open", "high", "low", "close", "volume"]
    bars = minutes[columns].assign(ts=minutes["opens_at"].dt.tz_localize(None))
    bars.to_parquet(folder / "minute" / "minutes.parquet", index=False)


def run_stage(folder, home):
    """Run bars and falls; return the warehouse."""
    source = {"kind": "files", "data": str(folder)}
    rungs = [0.01, 0.02, 0.03]
    flags = {"source": source, "selloffs": {"rungs": rungs}}
    home.mkdir(exist_ok=True)
    ConfigStore(home).save(load_settings(flags=flags, environment={}))
    keys = [*(["bars", name] for name in BARS), *(["selloffs", name] for name in TABLES)]
    selection = dg.AssetSelection.assets(*keys)
    job = dg.define_asset_job("falls", selection=selection, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(build_definitions(home), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        assert definitions.resolve_job_def("falls").execute_in_process(instance=instance).success
    return Warehouse(home, threads=1)


def months(warehouse, table):
    """Return (computed, reused) of a table's newest write."""
    known = warehouse.latest_materialization(f"selloffs.{table}")
    told = json.loads(known.metadata_json)
    return told["months computed"], told["months reused"]


def test_a_replay_of_two_symbols_knows_of_the_market_what_the_table_of_features_does(tmp_path):
    minutes = made_minutes("2023-07-10", "2023-07-14", symbols=("AAA", "BBB", "CCC", "DDD", "SPY"))
    folder, home = tmp_path / "market", tmp_path / "home"
    write_market(folder, minutes)
    warehouse = run_stage(folder, home)
    config = ConfigStore(home).load().config
    scan = config.scan.model_copy(update={"max_symbols": 2})
    request = replay_request(home, config.model_copy(update={"scan": scan}), DAY)
    with PlainView(print) as view:
        summary, _ = run_scan(request, view)
    assert summary.n_symbols == 2
    told = warehouse.read("select symbol, rung, features_json from selloffs.alerts")
    assert told["symbol"].nunique() == 2
    known = warehouse.read(
        "select * from selloffs.features where session_date = $day", {"day": DAY.date()}
    )
    known = known[known["symbol"].isin(told["symbol"])].set_index(["symbol", "rung"])
    assert len(told) == len(known) > 2
    for row in told.itertuples():
        for name, value in json.loads(row.features_json).items():
            stored = known.loc[(row.symbol, row.rung), name]
            assert value == stored or (value is None and pd.isna(stored)), name
    assert (known["market_breadth_frac"] % 0.5 != 0).any(), "three others can be told from one"


@pytest.mark.long
def test_a_changed_month_alone_is_computed_again_and_equals_the_whole(tmp_path):
    # The first month ends 22 sessions before the last one begins: outside its volume curves.
    minutes = made_minutes("2023-05-24", "2023-07-06", symbols=("AAA", "BBB", "SPY"))
    folder, home = tmp_path / "market", tmp_path / "home"
    write_market(folder, minutes)
    first = run_stage(folder, home)
    assert [months(first, table) for table in TABLES] == [(3, 0)] * 3
    before = first.read("select * from selloffs.features where session_date < '2023-07-01'")

    spoiled = minutes.copy()
    at = spoiled.index[spoiled["session_date"].eq(pd.Timestamp("2023-07-05"))]
    spoiled.loc[at, ["open", "high", "low", "close"]] *= np.linspace(1, 0.9, len(at))[:, None]
    write_market(folder, spoiled)
    again = run_stage(folder, home)
    assert [months(again, table) for table in TABLES] == [(1, 2)] * 3
    kept = again.read("select * from selloffs.features where session_date < '2023-07-01'")
    # Not even who wrote them has changed.
    pd.testing.assert_frame_equal(kept, before)

    spoiled.loc[spoiled["session_date"].eq(pd.Timestamp("2023-05-31")), "volume"] *= 3.0
    write_market(folder, spoiled)
    third = run_stage(folder, home)
    # May's volume is usual volume in June, no longer in July.
    assert [months(third, table) for table in TABLES] == [(1, 2), (2, 1), (2, 1)]

    whole = run_stage(folder, tmp_path / "other")
    for table in TABLES:
        assert third.content_hash(f"selloffs.{table}") == whole.content_hash(f"selloffs.{table}")
    counts = whole.read("select status, count(*) as n from selloffs.outcomes group by status")
    assert counts["n"].sum() == 2 * whole.read("select count(*) as n from selloffs.events")["n"][0]
