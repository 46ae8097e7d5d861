"""A process killed while it writes leaves every table old or new, never something between."""

import random
import time

import pandas as pd

from trading_pipeline.adapters.lake import Lake
from trading_pipeline_tests.adapters.conftest import second_process

WRITE_FOR_EVER = """
import itertools
from pathlib import Path
import pandas as pd
from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.contracts.provenance import Provenance

warehouse = Warehouse(Path({home!r}), threads=1)
lake = Lake(warehouse)
stamp = Provenance("run", "code", "data", "config", "inputs")
dates = pd.to_datetime([f"{{year}}-03-02" for year in range(2016, 2022)])
vix = pd.DataFrame({{"session_date": dates, "known_at": dates.tz_localize("UTC")}})
vix[["open", "high", "low"]] = 1.0
features = pd.DataFrame({{"symbol": "A", "session_date": dates, "session": range(6)}})
features["known_at"] = vix.known_at
for number in itertools.count({start}):
    warehouse.replace("bars.vix", vix.assign(close=float(number)), stamp)
    lake.write_frame("features.daily", features.assign(value=float(number)), stamp)
    if number == {start}:
        print("ready", flush=True)
"""


def test_tables_are_whole_after_kills_at_random_moments(warehouse, provenance):
    moments = random.Random(7)
    for kill in range(4):
        code = WRITE_FOR_EVER.format(home=str(warehouse.home), start=100 * kill)
        with second_process(code):
            time.sleep(moments.uniform(0.05, 0.5))
        for table, value in (("bars.vix", "close"), ("features.daily", "value")):
            seen = warehouse.read(
                f"select count(*) as n, min({value}) as low, max({value}) as high from {table}"
            ).iloc[0]
            assert seen.n == 6
            assert seen.low == seen.high
            newest = warehouse.latest_materialization(table)
            assert newest.content_hash == warehouse.content_hash(table)
        warehouse.migrate()
        settled = warehouse.home / "lake/features/daily"
        values = pd.concat(
            pd.read_parquet(path, columns=["value"]) for path in settled.glob("*/data.parquet")
        )
        assert values.value.tolist() == [seen.low] * 6
    dates = pd.to_datetime(["2020-03-02"])
    frame = pd.DataFrame({"symbol": "A", "session_date": dates, "session": 1})
    frame["known_at"] = dates.tz_localize("UTC")
    Lake(warehouse).write_frame("features.daily", frame, provenance)
    left = [path for path in (warehouse.home / "lake/features").rglob("*") if path.is_file()]
    assert [path.parent.name for path in left] == ["year=2020"]
