"""A vendor as the source of a home: fetched once, rebuilt offline, the key nowhere to be found."""

import json
import shutil
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.market_folder import MarketFolder
from trading_pipeline.adapters.vendors.ingest import Ingest
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.bars.sessions import session_table
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.adapters.vendors.server import Market, Script, vendor_server
from trading_pipeline_tests.pipeline.homes import SMALLEST, call

pytestmark = pytest.mark.xdist_group("vendor source")

KEYS = {"APCA_API_KEY_ID": "id-4711-never-shown", "APCA_API_SECRET_KEY": "secret-0815-never-shown"}
START, END = date(2024, 1, 2), date(2024, 3, 28)
SYMBOLS = ("AAA", "BBB", "SPY")
SPLIT_ON = date(2024, 2, 15)


def sessions():
    table = session_table()
    inside = table["session_date"].between(pd.Timestamp(START), pd.Timestamp(END))
    return table[inside]


def daily(symbol):
    """Return the bars of a symbol; AAA halves on its split."""
    days = sessions()
    rng = np.random.default_rng(SYMBOLS.index(symbol))
    close = (100 * np.exp(rng.normal(0, 0.01, len(days)).cumsum())).round(2)
    if symbol == "AAA":
        close = np.where(days["session_date"] >= pd.Timestamp(SPLIT_ON), close / 2, close)
    at = days["session_date"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    return [
        {"t": f"{t:%Y-%m-%dT%H:%M:%SZ}", "o": c, "h": c + 1, "l": c - 1, "c": c, "v": 1000, "vw": c}
        for t, c in zip(at, close.tolist(), strict=True)
    ]


def minutes(symbol, start, end):
    """Return the first three minutes of each session inside a span, one more word for AAA."""
    rows = []
    for opens in sessions()["opens_at"]:
        for minute in range(3):
            at = opens + pd.Timedelta(minutes=minute)
            if start <= at <= end:
                bar = {"t": f"{at:%Y-%m-%dT%H:%M:%SZ}", "o": 50, "h": 51, "l": 49, "c": 50, "v": 10}
                rows.append(bar)
                if symbol == "AAA" and minute == 1:
                    rows.append({**bar, "c": 50.5, "v": 12})
    return rows


def answered(asked):
    """Return the body of every call of one ingest."""
    if asked.path.endswith("VIX_History.csv"):
        lines = [f"{d:%m/%d/%Y},15,16,14,15.5" for d in sessions()["session_date"]]
        return "\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *lines]).encode()
    if asked.path == "/v1beta1/news":
        about = asked.params["symbols"].split(",")
        item = {
            "id": 1,
            "symbols": ["AAA"],
            "created_at": "2024-01-05T15:00:00Z",
            "updated_at": "2024-01-05T15:00:00Z",
            "headline": "AAA wins a great contract",
            "summary": "",
            "source": "wire",
        }
        is_due = "AAA" in about and asked.params["start"] < "2024-01-05" < asked.params["end"]
        return json.dumps({"news": [item] if is_due else [], "next_page_token": None}).encode()
    if asked.path == "/v1/corporate-actions":
        split = {"symbol": "AAA", "ex_date": str(SPLIT_ON), "new_rate": 2, "old_rate": 1}
        content = {"corporate_actions": {"forward_splits": [split]}, "next_page_token": None}
        return json.dumps(content).encode()
    start, end = (pd.Timestamp(asked.params[name]) for name in ("start", "end"))
    wanted = asked.params["symbols"].split(",")
    if asked.params["timeframe"] == "1Day":
        bars = {
            name: [bar for bar in daily(name) if start <= pd.Timestamp(bar["t"]) <= end]
            for name in wanted
        }
    else:
        bars = {name: minutes(name, start, end) for name in wanted}
    return json.dumps({"bars": bars, "next_page_token": None}).encode()


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """Two ingests of one home: what they printed, and how many calls each made."""
    folder = tmp_path_factory.mktemp("vendor")
    settings = folder / "settings.toml"
    with vendor_server(Script(Market(SYMBOLS, START, END), bodies=answered)) as server:
        vendors = "\n".join(
            f'[vendors.{name}]\nbase_url = "{server.url}"\nrequests_per_minute = 10000\n'
            for name in ("alpaca", "cboe", "fred")
        )
        settings.write_text(SMALLEST + vendors, encoding="utf-8")
        words = ("ingest", "--source", "alpaca", "--symbols", "AAA,BBB", "--start", str(START))
        words = (*words, "--end", str(END), "--home", folder / "home", "--config", settings)
        dry = call(*words, "--dry-run", **KEYS)
        outputs, counts = [], []
        for _ in range(2):
            outputs.append(call(*words, **KEYS))
            counts.append(len(server.script.arrivals))
    return {"home": folder / "home", "dry": dry, "outputs": outputs, "counts": counts}


def table(ingested, sql):
    return Warehouse(ingested["home"]).read(sql)


def test_a_dry_run_says_what_is_left_and_asks_for_nothing(ingested):
    assert ingested["dry"].returncode == 0, ingested["dry"].stderr
    assert "alpaca" in ingested["dry"].stdout
    assert "Left to fetch" in ingested["dry"].stdout


def test_an_ingest_brings_the_bars_the_vendor_has(ingested):
    assert ingested["outputs"][0].returncode == 0, ingested["outputs"][0].stderr
    found = table(ingested, "select symbol, close, vwap from bars.daily order by all")
    expected = sorted((s, bar["c"], bar["vw"]) for s in SYMBOLS for bar in daily(s))
    assert list(found.itertuples(index=False, name=None)) == expected
    n_minutes = table(ingested, "select count(*) as n from bars.minute")["n"].item()
    assert n_minutes == 3 * 3 * len(sessions())


def test_a_second_ingest_asks_for_nothing_and_computes_nothing(ingested):
    assert ingested["outputs"][1].returncode == 0, ingested["outputs"][1].stderr
    assert ingested["counts"][1] == ingested["counts"][0]
    assert "0 tables computed" in ingested["outputs"][1].stdout


def test_the_split_a_vendor_tells_makes_the_prices_comparable(ingested):
    bars = table(ingested, "select * from bars.daily where symbol = 'AAA' order by session_date")
    level = bars["close"] * bars["adj_factor"]
    assert level.pct_change().abs().max() < 0.1
    assert bars["close"].pct_change().abs().max() > 0.4


def test_the_newest_word_on_a_minute_stands_and_the_first_is_kept(ingested):
    opening = "extract(minute from opens_at) = 31"
    found = table(
        ingested, f"select distinct close from bars.minute where symbol = 'AAA' and {opening}"
    )
    assert found["close"].tolist() == [50.5]
    revisions = table(ingested, "select * from bars.revisions")
    assert len(revisions) == len(sessions())
    assert set(revisions["symbol"]) == {"AAA"}


def test_news_and_vix_come_along(ingested):
    news = table(ingested, "select symbol, sentiment from bars.news")
    assert news["symbol"].tolist() == ["AAA"]
    assert news["sentiment"].item() > 0
    assert len(table(ingested, "select * from bars.vix")) == len(sessions())


def test_every_answered_page_is_in_the_warehouse(ingested):
    requests = table(ingested, "select * from bars.requests")
    assert len(requests) == ingested["counts"][0]


def test_a_key_stands_nowhere(ingested):
    texts = [output.stdout + output.stderr for output in ingested["outputs"]]
    texts += [ingested["dry"].stdout]
    for secret in KEYS.values():
        assert not any(secret in text for text in texts)
        for path in Path(ingested["home"]).rglob("*"):
            if path.is_file():
                assert secret.encode() not in path.read_bytes(), path


def test_a_missing_key_is_named_before_anything_is_written(tmp_path):
    words = ("ingest", "--source", "massive", "--symbols", "AAA", "--start", "2024-01-02")
    done = call(*words, "--home", tmp_path / "home")
    assert done.returncode == 2
    assert "MASSIVE_API_KEY" in done.stderr
    assert not (tmp_path / "home" / "warehouse.duckdb").exists()


def test_a_dry_run_needs_no_key(tmp_path):
    words = ("ingest", "--source", "massive", "--symbols", "AAA", "--start", "2024-01-02")
    done = call(*words, "--home", tmp_path / "home", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "Left to fetch" in done.stdout


def test_a_vendor_without_symbols_or_start_is_refused(tmp_path):
    done = call("ingest", "--source", "alpaca", "--home", tmp_path / "home", **KEYS)
    assert done.returncode == 2
    assert "--symbols" in done.stderr


def test_a_month_materialized_in_dagster_fetches_that_month_alone(tmp_path, monkeypatch):
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    with vendor_server(Script(Market(SYMBOLS, START, END), bodies=answered)) as server:
        vendor = {"base_url": server.url, "requests_per_minute": 10_000}
        source = {"kind": "alpaca", "symbols": ["AAA"], "start": START, "end": END}
        flags = {"source": source, "vendors": {"alpaca": vendor}}
        ConfigStore(tmp_path).save(load_settings(flags=flags, environment={}))
        job = build_definitions(tmp_path).resolve_job_def("backfill_months")
        for _ in range(2):
            assert job.execute_in_process(partition_key="2024-02-01").success
        asked = [arrival.params for arrival in server.script.arrivals]
    minutes = [params for params in asked if params.get("timeframe") == "1Min"]
    assert len(minutes) == 1
    assert len(asked) == 2, "the month's minutes and its news, and nothing the second time"
    assert minutes[0]["start"].startswith("2024-02-01")
    assert minutes[0]["end"].startswith("2024-03-01T04:59")
    assert set(minutes[0]["symbols"].split(",")) == {"AAA", "SPY"}


def test_the_folder_is_made_again_from_the_raw_answers_without_the_vendor(ingested):
    folder = ingested["home"] / "raw" / "vendors" / "market-alpaca"
    before = MarketFolder.open(folder).fingerprint()
    config = ConfigStore(ingested["home"]).load().config
    shutil.rmtree(folder)
    made = Ingest(ingested["home"], config.source, config.vendors, {}).market().build()
    assert made == folder
    assert MarketFolder.open(folder).fingerprint() == before
