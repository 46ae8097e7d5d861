"""The command `scan` on a real home: replay equals batch, a kill loses and doubles nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.automation.scan_loop import SilentView
from trading_pipeline.cli import app
from trading_pipeline.commands import scan_run
from trading_pipeline.commands.scan_context import session_context
from trading_pipeline.commands.scan_hooks import record_scan
from trading_pipeline.commands.scan_model import ServingModel
from trading_pipeline.commands.scan_run import replay_request, run_scan
from trading_pipeline.commands.scan_view import capture, screen
from trading_pipeline.contracts.errors import InputError, WarehouseBusyError
from trading_pipeline.domain.selloffs.model import Trained
from trading_pipeline.domain.selloffs.session_scan import SessionScan
from trading_pipeline_tests.commands.scan_home import N_SYMBOLS, made_home
from trading_pipeline_tests.domain.scan_session import DAY, SESSION, MadeModel, symbols_of

ROOT = Path(__file__).resolve().parents[2]
# What a clock stamps differs from run to run.
CLOCKED = ["alerted_at", "latency_ms"]


class OpenView(SilentView):
    """A view for nobody, opened and closed like the others."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing to close."""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home with an hour and a half of six symbols."""
    home = tmp_path_factory.mktemp("scan") / "home"
    made_home(home, n_minutes=90, volatility=2.5e-3)
    return home


@pytest.fixture
def home(template, tmp_path):
    target = tmp_path / "home"
    subprocess.run(["cp", "-r", str(template), str(target)], check=True)
    return target


def config_of(home):
    return ConfigStore(home).load().config


def replayed(home, broker=None, **changes):
    request = replay_request(home, config_of(home), DAY, **changes)
    return run_scan(request, OpenView(), broker=broker, record=record_scan)


def alerts_of(home):
    rows = Warehouse(home, threads=1).read("select * from selloffs.alerts")
    order = ["detected_at", "rank", "symbol", "rung"]
    return rows.sort_values(order, ignore_index=True)


@pytest.fixture(scope="module")
def whole(template, tmp_path_factory):
    """The alerts of a replay that nothing disturbed."""
    target = tmp_path_factory.mktemp("whole") / "home"
    subprocess.run(["cp", "-r", str(template), str(target)], check=True)
    replayed(target)
    return alerts_of(target)


def test_a_replay_stores_every_fall_of_the_batch_with_the_same_values(template, whole):
    warehouse, config = Warehouse(template, threads=1), config_of(template)
    context = session_context(warehouse.read, SESSION, symbols_of(N_SYMBOLS), config)
    minutes = warehouse.read("select * from bars.minute")
    batch = SessionScan(DAY, context, config.selloffs).advance(minutes)
    said = whole.sort_values(["detected_at", "symbol", "rung"], ignore_index=True)
    assert len(batch) > 5
    for name in ("symbol", "session_date", "rung", "detected_at", "session_open", "low", "close"):
        assert said[name].tolist() == batch[name].tolist(), name
    for text, (_, fall) in zip(said["features_json"], batch.iterrows(), strict=True):
        for name, value in json.loads(text).items():
            assert value == fall[name] or (value is None and pd.isna(fall[name])), name
    assert said["probability"].isna().all()
    assert (said["latency_ms"] >= 0).all()


def test_a_second_replay_tells_nothing_again_and_is_the_same_scan(home, whole):
    first, _ = replayed(home)
    again, state = replayed(home)
    assert first.n_new == len(whole)
    assert again.n_new == 0
    assert again.scan_id == first.scan_id
    assert (again.n_events, again.n_alerts) == (first.n_events, first.n_alerts)
    assert state.n_before == len(whole)
    same = alerts_of(home).drop(columns=CLOCKED)
    pd.testing.assert_frame_equal(same, whole.drop(columns=CLOCKED))
    history = Warehouse(home, threads=1).read("select * from scans.history")
    assert history["scan_id"].tolist() == [first.scan_id]
    assert history["n_events"].tolist() == [len(whole)]
    assert set(alerts_of(home)["scan_id"]) == {first.scan_id}


def test_a_scan_killed_in_the_middle_and_started_again_loses_and_doubles_nothing(home, whole):
    # Slow enough that the kill falls between two alerts, whatever the machine does.
    command = [
        *(sys.executable, "-m", "trading_pipeline.cli", "scan", "--replay", f"{DAY:%Y-%m-%d}"),
        *("--speed", "600", "--home", str(home), "--plain"),
    ]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    n_seen = 0
    for line in child.stdout:
        n_seen += " rung " in line
        if n_seen == 4:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    partly = alerts_of(home)
    assert 0 < len(partly) < len(whole)
    replayed(home)
    same = alerts_of(home).drop(columns=CLOCKED)
    pd.testing.assert_frame_equal(same, whole.drop(columns=CLOCKED))
    assert len(Warehouse(home, threads=1).read("select * from scans.history")) == 1


def test_two_scans_of_a_mode_never_run_in_one_home(home):
    with home_lock(home, "scan-replay.lock"), pytest.raises(WarehouseBusyError, match="in use by"):
        replayed(home)


def test_a_row_with_an_id_that_is_there_is_refused(home):
    replayed(home)
    row = alerts_of(home).iloc[:1]
    with pytest.raises(ValueError, match="refuses the rows"):
        Warehouse(home, threads=1).append("selloffs.alerts", row)


def test_only_named_symbols_are_told_and_an_unknown_one_is_refused(home, whole):
    summary, _ = replayed(home, symbols=("S001", "S002"))
    told = alerts_of(home)
    assert summary.n_symbols == 2
    # Another list of symbols is another scan.
    assert set(told["scan_id"]) == {summary.scan_id}.difference(whole["scan_id"])
    history = Warehouse(home, threads=1).read("select scan_id from scans.history")
    assert history["scan_id"].tolist() == [summary.scan_id]
    same = [name for name in whole.columns if name not in [*CLOCKED, "rank", "scan_id"]]
    expected = whole[whole["symbol"].isin(["S001", "S002"])]
    order = ["detected_at", "symbol", "rung"]
    pd.testing.assert_frame_equal(
        told.sort_values(order, ignore_index=True)[same],
        expected.sort_values(order, ignore_index=True)[same],
    )
    with pytest.raises(InputError, match="NOPE"):
        replayed(home, symbols=("NOPE",))


def test_a_scan_of_few_symbols_after_one_of_all_counts_its_own_falls_only(home, whole):
    replayed(home)
    summary, state = replayed(home, symbols=("S001", "S002"))
    own = whole[whole["symbol"].isin(["S001", "S002"])]
    assert 0 < len(own) < len(whole)
    assert (summary.n_symbols, summary.n_events, summary.n_new) == (2, len(own), 0)
    assert set(state.alerts["symbol"]) == set(own["symbol"])
    history = Warehouse(home, threads=1).read("select * from scans.history")
    counted = history.set_index("scan_id")["n_events"]
    assert counted[summary.scan_id] == len(own)


def spoken_by(home, monkeypatch, version, last_session):
    """Replay with a model that risks something on every fall; return summary, state and row."""
    fitted = SimpleNamespace(
        trained=Trained(0, last_session, 100),
        speak=lambda falls: MadeModel().speak(falls).assign(risk_tier=1.0),
    )
    speaker = ServingModel(version, fitted)
    monkeypatch.setattr(scan_run, "model_in_service", lambda *_: (speaker, ""))
    summary, state = replayed(home)
    history = Warehouse(home, threads=1).read("select * from scans.history").set_index("scan_id")
    return summary, state, history.loc[summary.scan_id]


def test_what_a_model_says_of_a_session_it_learned_from_is_told_and_is_no_signal(
    home, whole, monkeypatch
):
    summary, state, row = spoken_by(home, monkeypatch, "made", SESSION.session)
    assert summary.is_seen
    assert "learned from this session" in state.model_fault
    assert (row["n_events"], row["n_signals"]) == (len(whole), 0)


def test_signals_are_those_of_the_model_that_the_scan_asked(home, whole, monkeypatch):
    summary, state, row = spoken_by(home, monkeypatch, "first", SESSION.session - 1)
    assert not summary.is_seen
    assert state.model_fault == ""
    assert row["n_signals"] == summary.n_signals > 0
    again, _, row = spoken_by(home, monkeypatch, "second", SESSION.session - 1)
    assert (again.n_new, again.n_signals) == (0, 0)
    assert (row["model_version"], row["n_events"], row["n_signals"]) == ("second", len(whole), 0)


def test_a_day_without_bars_and_a_day_without_a_session_are_refused_with_a_remedy(home):
    with pytest.raises(InputError, match="holds no minute bars of 2024-03-06"):
        run_scan(replay_request(home, config_of(home), pd.Timestamp("2024-03-06")), OpenView())
    with pytest.raises(InputError, match="no session"):
        replay_request(home, config_of(home), pd.Timestamp("2024-03-09"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--speed", "3"], "give --replay"),
        (["--replay", "2024-03-05", "--speed", "0"], "above 0"),
        (["--replay", "2024-03-05", "--vendor", "alpaca"], "give one"),
        (["--replay", "2024-03-05", "--once"], "ends by itself"),
        (["--from", "2024-03-05", "--dry-run"], "--dry-run does not act beside --from"),
        (["--to", "2024-03-05", "--symbols", "S001"], "--symbols does not act beside --to"),
        (["--list", "3", "--replay", "2024-03-05"], "--replay does not act beside --list"),
        (["--list", "3", "--from", "2024-03-05"], "--from does not act beside --list"),
        (["--kill", "enough", "--lift-kill"], "--lift-kill does not act beside --kill"),
        (["--lift-kill", "--dry-run"], "--dry-run does not act beside --lift-kill"),
        ([], "--replay DATE"),
    ],
)
def test_options_that_exclude_each_other_are_refused(home, options, words):
    result = CliRunner().invoke(app, ["scan", "--home", str(home), *options])
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)


def test_the_command_prints_lines_and_writes_json_and_a_picture(home, tmp_path, whole):
    result = CliRunner().invoke(
        app,
        [
            *("scan", "--replay", "2024-03-05", "--home", str(home)),
            *("--json", str(tmp_path / "scan.json"), "--capture", str(tmp_path / "scan.svg")),
        ],
        env={"COLUMNS": "200"},
    )
    assert result.exit_code == 0, result.output
    assert len(re.findall(r" rung \d+%", result.output)) == len(whole)
    record = json.loads((tmp_path / "scan.json").read_text())
    assert record["events"] == record["new"] == len(whole)
    assert record["latency_ms"]["max"] >= record["latency_ms"]["p50"] > 0
    picture = (tmp_path / "scan.svg").read_text()
    assert picture.startswith("<svg")
    assert "selloff" in picture
    assert "@font-face" not in picture


class Offered:
    """A broker that notes what it is offered."""

    def __init__(self):
        self.ids = []

    def on_alerts(self, alerts, _now):
        self.ids += alerts["alert_id"].tolist()

    def tick(self, now, last_prices): ...

    def close(self, now): ...

    def lines(self):
        return []


def test_alerts_stored_before_a_kill_are_offered_to_the_broker_at_the_next_start(home, whole):
    replayed(home)
    broker = Offered()
    replayed(home, broker=lambda _: broker)
    assert sorted(broker.ids) == sorted(alerts_of(home)["alert_id"])
    assert len(broker.ids) == len(whole)


def test_alerts_that_wait_for_a_busy_warehouse_are_stored_at_the_end(home, whole, monkeypatch):
    append, refused = Warehouse.append, []

    def busy(self, table, frame):
        if table == "selloffs.alerts" and len(refused) < 100:
            refused.append(len(frame))
            raise WarehouseBusyError("another process writes")
        append(self, table, frame)

    monkeypatch.setattr(Warehouse, "append", busy)
    monkeypatch.setattr("trading_pipeline.automation.scan_loop.LAST_ATTEMPTS", 50)
    summary, _ = replayed(home)
    assert len(refused) == 100
    assert summary.n_events == len(whole)
    assert len(alerts_of(home)) == len(whole)


def test_a_dry_run_says_what_would_be_scanned_and_writes_nothing(home, tmp_path):
    record = tmp_path / "plan.json"
    result = CliRunner().invoke(
        app,
        ["scan", "--replay", "2024-03-05", "--home", str(home), "--dry-run", "--json", str(record)],
    )
    assert result.exit_code == 0, result.output
    plan = json.loads(record.read_text())
    assert (plan["symbols"], plan["rows"]) == (N_SYMBOLS, 90 * N_SYMBOLS)
    assert plan["seconds"] > 0
    assert plan["memory_gb"] > 0
    assert alerts_of(home).empty


def test_the_screen_fits_eighty_columns_and_a_small_window(home, tmp_path):
    _, state = replayed(home)
    for height in (20, 40):
        console = Console(width=80, height=height, record=True, file=(tmp_path / "out").open("w"))
        console.print(screen(state, height))
        lines = console.export_text().splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) <= height
        assert any("symbols watched" in line for line in lines)
    picture = tmp_path / "no" / "folder.svg"
    with pytest.raises(InputError, match="cannot be written"):
        capture(state, picture)


def test_a_replay_at_a_speed_takes_its_time_and_beats_in_between(home):
    began = time.perf_counter()
    summary, _ = replayed(home, speed=60 * 90 / 0.5)
    assert time.perf_counter() - began >= 0.45
    assert summary.n_new > 0
