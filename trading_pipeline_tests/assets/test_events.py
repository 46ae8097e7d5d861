"""Events of a market folder arrive in their tables, with their checks, or in the quarantine."""

import dagster as dg
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.definitions import build_definitions
from trading_pipeline.settings import load_settings

TABLES = ("news", "social", "options_flow", "etf_flows", "calendar_events")
SELECTED = ("requests", "daily", "quarantine", *TABLES)
FILES = {
    "news": "symbol,published_at,headline,known_at\n"
    "AAA,2020-01-06 14:00Z,Profit surges,2020-01-06 14:01Z\n"
    ",2020-01-07 14:00Z,Markets crash,2020-01-07 14:01Z\n"
    "BBB,2020-01-07 14:00Z,Early,2020-01-07 13:00Z\n"
    "BBB,2020-03-07 14:00Z,After the end,2020-03-07 14:00Z\n",
    "social": "symbol,posted_at,n_posts,sentiment,platform,known_at\n"
    "AAA,2020-01-06 15:00Z,40,0.5,forum,2020-01-06 15:05Z\n"
    "AAA,2020-01-06 16:00Z,40,1.5,forum,2020-01-06 16:05Z\n",
    "options_flow": "symbol,session_date,call_premium_usd,put_premium_usd,known_at\n"
    "AAA,2020-01-06,300,100,2020-01-06\n"
    "AAA,2020-01-07,300,100,\n",
    "etf_flows": "symbol,session_date,flow_usd,known_at\n"
    "SPY,2020-01-06,1000000,2020-01-07 13:00Z\n"
    "SPY,2020-01-05,1000000,2020-01-07 13:00Z\n",
    "calendar_events": "kind,symbol,scheduled_at,known_at\n"
    "fomc,,2020-01-29 19:00Z,2019-06-01\n"
    "earnings,AAA,2020-02-20 21:30Z,2020-01-10\n"
    "party,,2020-02-20 21:30Z,2020-01-10\n",
}


def materialized(tmp_path, files, **source):
    """Materialize the tables of a folder with these event files; return (result, warehouse)."""
    days = pd.bdate_range("2020-01-06", periods=8)
    bars = pd.DataFrame({"symbol": "AAA", "ts": days, "close": 10.0})
    market, home = tmp_path / "market", tmp_path / "home"
    (market / "daily").mkdir(parents=True)
    bars.to_csv(market / "daily" / "bars.csv", index=False)
    (market / "events").mkdir()
    for kind, text in files.items():
        (market / "events" / f"{kind}.csv").write_text(text)
    home.mkdir()
    source = {"kind": "files", "data": str(market), **source}
    ConfigStore(home).save(load_settings(flags={"source": source}, environment={}))
    selection = dg.AssetSelection.assets(*(["bars", name] for name in SELECTED))
    job = dg.define_asset_job("events", selection=selection, executor_def=dg.in_process_executor)
    definitions = dg.Definitions.merge(build_definitions(home), dg.Definitions(jobs=[job]))
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def("events").execute_in_process(instance=instance)
    assert result.success
    return result, Warehouse(home, threads=1)


def metadata(result, table):
    (event,) = result.asset_materializations_for_node(f"bars__{table}")
    return event.metadata


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    return materialized(folder, FILES, end=pd.Timestamp("2020-01-31").date())


def test_events_known_by_the_end_of_the_source_arrive_in_their_tables(done):
    _, warehouse = done
    counts = {name: len(warehouse.read(f"select * from bars.{name}")) for name in TABLES}
    assert counts == {
        "news": 2,
        "social": 1,
        "options_flow": 1,
        "etf_flows": 1,
        "calendar_events": 2,
    }
    news = warehouse.read("select * from bars.news order by published_at")
    assert news["sentiment"].iloc[0] > 0 > news["sentiment"].iloc[1]
    assert news["symbol"].isna().tolist() == [False, True]


def test_what_is_refused_stands_in_the_quarantine(done):
    _, warehouse = done
    refused = warehouse.read(
        "select target, reason from bars.quarantine where starts_with(source_file, 'events/')"
        " order by target"
    )
    assert list(refused.itertuples(index=False, name=None)) == [
        ("bars.calendar_events", "unknown_kind"),
        ("bars.etf_flows", "not_a_session"),
        ("bars.news", "known_early"),
        ("bars.options_flow", "missing_known_at"),
        ("bars.social", "out_of_range"),
    ]


def test_the_checks_of_every_table_ran_and_passed(done):
    result, _ = done
    checks = {evaluation.check_name for evaluation in result.get_asset_check_evaluations()}
    for name in TABLES:
        assert {f"bars_{name}_grain_is_unique", f"bars_{name}_are_possible"} <= checks
    assert all(evaluation.passed for evaluation in result.get_asset_check_evaluations())


def test_a_table_shows_what_a_person_wants_to_know(done):
    result, _ = done
    shown = metadata(result, "news")
    assert shown["scored by vader-3.3.2"].value == 2
    assert shown["refused"].value == 1
    assert "image/svg" in shown["plot"].value
    assert metadata(result, "calendar_events")["fomc"].value == 1


def test_a_source_without_events_says_why_its_tables_are_empty(tmp_path):
    result, warehouse = materialized(tmp_path, {})
    for name in TABLES:
        assert warehouse.read(f"select * from bars.{name}").empty
        assert f"events/{name}" in metadata(result, name)["why empty"].value
