"""Scans of the past, as a user starts them, and the ledger they leave."""

import json
import shutil
from dataclasses import replace
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import all_assets
from trading_pipeline.assets.table_asset import staleness_rules
from trading_pipeline.automation.scan_ledger import record_scans
from trading_pipeline.automation.scan_universe import watched_symbols
from trading_pipeline.commands import scan_history
from trading_pipeline.commands.scan_history import scan_past, show_scans
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.resources import watched_run
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.test_scans import (
    CALENDAR,
    FIRST,
    MADE,
    listed,
    row_of,
    scan,
    sectors,
)

PROVENANCE = Provenance("run", "code", "data", "config", "inputs")
DAYS = CALENDAR.iloc[FIRST + 405 : FIRST + 409].reset_index(drop=True)
MINUTE = pd.Timedelta(minutes=1)


def config(**changes):
    return load_settings(flags={"scan": changes}, environment={})


def daily_bars():
    bars = MADE["bars"]
    dates = bars["session"].map(CALENDAR["session_date"])
    return bars.assign(session_date=dates, vendor="v", vwap=np.nan)


def minute_bars():
    """Return the first and last minute of three sessions, and the first of a fourth."""
    parts = []
    for n, day in DAYS.iterrows():
        opens = [day["opens_at"], day["closes_at"] - MINUTE][: 1 if n == 3 else 2]
        for symbol in ("AAA", "SIM"):
            parts.append(
                pd.DataFrame(
                    {
                        "symbol": symbol,
                        "session_date": day["session_date"],
                        "opens_at": opens,
                        "closes_at": [at + MINUTE for at in opens],
                        "volume": 1000.0 * (n + 1),
                        "is_regular": True,
                        "vendor": "v",
                        "known_at": [at + MINUTE for at in opens],
                    }
                    | dict.fromkeys(("open", "high", "low", "close"), 10.0)
                )
            )
    return pd.concat(parts, ignore_index=True)


def falls():
    """Return falls of AAA, SIM and the unwatched ETF on the first two sessions."""
    keys = [
        ("AAA", 0, 0.02, True, "clean"),
        ("AAA", 0, 0.03, False, "clean"),
        ("SIM", 0, 0.02, True, "lone_tick"),
        ("ETF", 0, 0.02, True, "clean"),
        ("AAA", 1, 0.05, True, "clean"),
    ]
    rows = pd.DataFrame(keys, columns=["symbol", "day", "rung", "is_first", "quality"])
    days = DAYS.iloc[rows.pop("day")].reset_index(drop=True)
    figures = {"session_open": 10.0, "low": 9.0, "close": 9.1, "volume": 1.0, "drop_frac": -0.1}
    return rows.assign(
        session_date=days["session_date"],
        detected_at=days["opens_at"] + MINUTE,
        n_missing_minutes=0,
        **figures,
    )


def scores(tier=0.5):
    rows = falls().query("symbol == 'AAA'")
    return rows[["symbol", "session_date", "rung", "detected_at", "is_first"]].assign(
        session=1,
        block=1,
        is_holdout=False,
        probability=0.5,
        expected_r=0.1,
        trivial_probability=0.4,
        majority_probability=0.3,
        risk_tier=tier,
        is_selected=True,
        label=1,
        r_multiple=1.0,
        regime="normal",
    )


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    home = tmp_path_factory.mktemp("template")
    fill(home)
    return home


def fill(home):
    """Write a home with bars, falls and scores."""
    warehouse = Warehouse(home, threads=1, memory_gb=1.0, lock_wait_seconds=10)
    warehouse.migrate()
    bars, minutes = daily_bars(), minute_bars()
    universe = listed(bars, MADE["universe"])
    row = {
        "symbol": "SIM",
        "kind": "equity",
        "is_index": False,
        "first_date": DAYS["session_date"][0],
    }
    universe = pd.concat([universe, pd.DataFrame([row])], ignore_index=True)
    universe = universe.assign(
        last_date=universe["first_date"], n_sessions=1, is_delisted=False, is_simulated=True
    )
    names = [column.name for column in warehouse.columns("bars.daily")]
    warehouse.replace("bars.daily", bars[[n for n in names if n in bars]], PROVENANCE)
    warehouse.replace("bars.universe", universe, PROVENANCE)
    warehouse.replace("bars.sectors", sectors(), PROVENANCE)
    vix = MADE["vix"].reindex(columns=["session_date", "open", "high", "low", "close", "known_at"])
    warehouse.replace("bars.vix", vix, PROVENANCE)
    Lake(warehouse).write_frame("bars.minute", minutes, PROVENANCE)
    warehouse.replace("selloffs.scores", scores(), PROVENANCE)
    collect(warehouse)


def collect(warehouse):
    """Write the falls as their asset would: with the version of what they rest on."""
    all_assets()
    run = watched_run(warehouse, config(), None, None)
    version = staleness_rules()["selloffs.events"].versions(run)[1]
    Lake(warehouse).write_frame(
        "selloffs.events", falls(), replace(PROVENANCE, inputs_version=version)
    )


@pytest.fixture
def home(template):
    warehouse = Warehouse(template, threads=1)
    with warehouse.writer() as connection:
        connection.execute("delete from scans.history")
    return template


def quiet():
    return Console(file=StringIO(), width=200)


def test_each_complete_session_of_the_span_becomes_one_scan(home, tmp_path):
    path = tmp_path / "scans.json"
    found = scan_past(quiet(), home, config(), None, None, path)
    assert found["session_date"].tolist() == DAYS["session_date"].tolist()[:3]
    assert found["n_events"].tolist() == [3, 1, 0]
    assert found["n_withheld"].tolist() == [1, 0, 0]
    assert found["n_signals"].tolist() == [1, 1, 0]
    assert (found["mode"] == "historical").all()
    assert (found["scanned_at"] == DAYS["closes_at"][:3]).all()
    assert found["vix"].notna().all()
    assert set(found["spy_trend"]) <= {"up", "neutral", "down"}
    written = json.loads(path.read_text())["scans"]
    assert [row["n_events"] for row in written] == [3, 1, 0]


def test_the_filter_of_each_session_holds_for_its_falls(home):
    found = scan_past(quiet(), home, config(min_tech_rating=1), None, None)
    assert found["n_events"].tolist() == [2, 1, 0]
    assert (found["n_withheld"] == 0).all()
    found = scan_past(quiet(), home, config(sectors=["Utilities"]), None, None)
    assert found["n_events"].tolist() == [0, 0, 0]


def test_a_second_scan_with_the_same_settings_adds_nothing_and_another_setting_does(home):
    first = scan_past(quiet(), home, config(), None, None)
    again = scan_past(quiet(), home, config(), None, None)
    pd.testing.assert_frame_equal(first, again)
    other = scan_past(quiet(), home, config(max_symbols=1), None, None)
    assert not set(other["scan_id"]) & set(first["scan_id"])
    assert (other["n_symbols"] == 1).all()


def test_an_interrupted_scan_goes_on_where_it_stopped(home, monkeypatch):
    whole = scan_past(quiet(), home, config(), None, None)
    with Warehouse(home).writer() as connection:
        connection.execute("delete from scans.history")
    made, scan_row = [], scan_history.scan_row

    def stops(*arguments):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(arguments[1])
        return scan_row(*arguments)

    monkeypatch.setattr(scan_history, "BATCH", 1)
    monkeypatch.setattr(scan_history, "scan_row", stops)
    with pytest.raises(KeyboardInterrupt):
        scan_past(quiet(), home, config(), None, None)
    monkeypatch.setattr(scan_history, "scan_row", scan_row)
    assert len(Warehouse(home).read("select * from scans.history")) == 2
    resumed = scan_past(quiet(), home, config(), None, None)
    clock = ["started_at", "total_seconds"]
    pd.testing.assert_frame_equal(resumed.drop(columns=clock), whole.drop(columns=clock))


def test_a_span_picks_its_sessions_and_one_without_any_is_bad_input(home):
    day = DAYS["session_date"][1].date()
    found = scan_past(quiet(), home, config(), day, day)
    assert found["session_date"].tolist() == [pd.Timestamp(day)]
    late = DAYS["session_date"][3].date()
    with pytest.raises(InputError, match="no complete session"):
        scan_past(quiet(), home, config(), late, late)
    with pytest.raises(InputError, match=f"--to {day} lies before --from {late}"):
        scan_past(quiet(), home, config(), late, day)


def test_a_home_without_falls_is_bad_input_and_one_without_scans_says_so(tmp_path):
    with pytest.raises(InputError, match="holds no warehouse yet"):
        scan_past(quiet(), tmp_path / "nowhere", config(), None, None)
    Warehouse(tmp_path).migrate()
    with pytest.raises(InputError, match="holds no falls yet"):
        scan_past(quiet(), tmp_path, config(), None, None)
    console = quiet()
    show_scans(console, tmp_path, 5)
    assert "No scan yet" in console.file.getvalue()


def test_falls_that_rest_on_other_bars_or_settings_are_bad_input(home):
    other = load_settings(flags={"selloffs": {"rungs": [0.04]}}, environment={})
    with pytest.raises(InputError, match="collected from other bars, settings or code"):
        scan_past(quiet(), home, other, None, None)
    later = minute_bars().iloc[:-1]
    Lake(Warehouse(home)).write_frame("bars.minute", later, PROVENANCE)
    with pytest.raises(InputError, match="run `trading-pipeline ingest`"):
        scan_past(quiet(), home, config(), None, None)
    Lake(Warehouse(home)).write_frame("bars.minute", minute_bars(), PROVENANCE)
    assert len(scan_past(quiet(), home, config(), None, None)) == 3


def test_the_ledger_keeps_a_scan_once_and_shows_the_newest_first(home, tmp_path):
    warehouse, path = Warehouse(home), tmp_path / "scans.json"
    rows = [row_of(), row_of("replay"), row_of()]
    assert record_scans(warehouse, rows) == 2
    assert record_scans(warehouse, rows[:1]) == 0
    assert record_scans(warehouse, []) == 0
    scan_past(quiet(), home, config(), None, None)
    console = quiet()
    show_scans(console, home, 3, path)
    text = console.file.getvalue()
    assert text.index("live") < text.index("historical")
    shown = json.loads(path.read_text())["scans"]
    assert len(shown) == 3
    assert [row["mode"] for row in shown][-1] == "historical"
    assert shown[0]["scanned_at"] > shown[-1]["scanned_at"]


def test_a_warehouse_that_ends_before_the_session_watches_the_same(template, tmp_path):
    day = DAYS["session_date"][2]
    shutil.copytree(template, tmp_path / "cut")
    cut = Warehouse(tmp_path / "cut", threads=1)
    with cut.writer() as connection:
        connection.execute("delete from bars.daily where session_date >= $day", {"day": day})
    minutes = minute_bars()
    Lake(cut).write_frame("bars.minute", minutes[minutes["session_date"] < day], PROVENANCE)
    for changes in ({}, {"max_symbols": 3}, {"min_dollar_volume": 1000, "lookback_days": 2}):
        live, replayed = (
            watched_symbols(warehouse.read, day, scan(**changes))
            for warehouse in (cut, Warehouse(template))
        )
        pd.testing.assert_frame_equal(live, replayed)
        assert live["is_watched"].any()
    assert (
        live.set_index("symbol").at["SIM", "dollar_volume"] == (2 * 10 * 1000 + 2 * 10 * 2000) / 2
    )
