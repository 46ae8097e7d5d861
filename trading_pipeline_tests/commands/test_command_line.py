"""What a user meets on the command line: help, errors in one line, exit codes, clean output."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from typer.testing import CliRunner

from trading_pipeline import cli
from trading_pipeline.commands.options import symbols_of
from trading_pipeline.contracts.errors import InputError

COMMANDS = (
    *("run", "ingest", "retrain", "promote", "rollback", "drift", "simulate", "features"),
    *("ui", "doctor", "migrate", "export", "demo", "history"),
)
SMALL = ("--symbols", "6", "--sessions", "80", "--minute-sessions", "2")


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market") / "small"
    done = invoke("simulate", "--out", str(folder), "--seed", "3", *SMALL)
    assert done.exit_code == 0, done.output
    return folder


def invoke(*words, **environment):
    return CliRunner().invoke(cli.app, list(words), env=environment)


def in_process(*words, **environment):
    """Run the command line as a user does, its output into pipes."""
    command = [sys.executable, "-m", "trading_pipeline.cli", *words]
    env = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def refused(*words):
    """Return the one line with which a command refuses its input."""
    done = invoke(*words)
    assert isinstance(done.exception, InputError), done.output
    text = str(done.exception)
    assert "\n" not in text
    return text


def test_the_help_names_every_command_and_the_exit_codes():
    text = invoke("--help", COLUMNS="120").output
    assert all(f" {command} " in text for command in COMMANDS)
    assert "Exit codes" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_every_command_is_explained(command):
    done = invoke(command, "--help")
    assert done.exit_code == 0
    group = cli.typer.main.get_command(cli.app)
    for option in group.commands[command].params:
        assert getattr(option, "help", None), f"{command} {option.opts} has no help"


def test_a_dry_run_says_rows_time_and_memory_and_makes_no_home(market, tmp_path):
    home, out = tmp_path / "home", tmp_path / "dry.json"
    words = ("--data", str(market), "--home", str(home), "--dry-run", "--json", str(out))
    done = invoke("run", *words)
    assert done.exit_code == 0, done.output
    assert "nothing was done" in done.output
    assert not home.exists()
    found = read_json(out)
    assert found["daily_rows"] > 400
    assert found["seconds"] > 0
    assert found["memory_gb"] > 0
    assert invoke("ingest", *words).exit_code == 0
    assert read_json(out)["seconds"] < found["seconds"]


def test_an_estimate_grows_with_what_the_search_does(market, tmp_path, monkeypatch):
    words = ("run", "--data", str(market), "--home", str(tmp_path / "h"), "--dry-run")
    words += ("--json", str(tmp_path / "out.json"))
    monkeypatch.setenv("TRADING_PIPELINE_SWEEPS__N_TRIALS", "2")
    invoke(*words)
    few = read_json(tmp_path / "out.json")["seconds"]
    monkeypatch.setenv("TRADING_PIPELINE_SWEEPS__N_TRIALS", "20")
    invoke(*words)
    assert read_json(tmp_path / "out.json")["seconds"] > few


def test_symbols_come_as_a_list_or_as_a_file(market, tmp_path):
    listed = tmp_path / "symbols.txt"
    listed.write_text("sym001\nSYM002\n", encoding="utf-8")
    assert symbols_of(str(listed)) == ["SYM001", "SYM002"]
    assert symbols_of("SYM002, sym001") == ["SYM001", "SYM002"]
    listed.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in refused("run", "--symbols", str(listed), "--dry-run")
    assert "names no symbol" in refused("run", "--symbols", ",", "--dry-run")
    assert "no daily bars of NOPE" in refused(
        "run", "--data", str(market), "--symbols", "NOPE", "--dry-run"
    )


@pytest.mark.parametrize("feature_set", ["alpha158", "factors14", "intraday"])
def test_own_features_are_refused_for_a_set_that_cannot_hold_them(market, tmp_path, feature_set):
    own = tmp_path / "own.py"
    own.write_text("FEATURES = ()\n")
    words = ("--data", str(market), "--out", str(tmp_path / "f.parquet"), "--features", str(own))
    assert "--set daily" in refused("features", "--set", feature_set, *words)


def test_an_unknown_feature_set_is_refused_by_naming_those_that_exist(market, tmp_path):
    words = ("--data", str(market), "--out", str(tmp_path / "f.parquet"))
    text = refused("features", "--set", "alpha360", *words)
    assert text == (
        "feature set 'alpha360' does not exist; give one of: daily, intraday, alpha158, factors14"
    )
    assert not (tmp_path / "f.parquet").exists()


def test_features_of_a_folder_are_written_by_symbol_and_date(market, tmp_path):
    out = tmp_path / "features.parquet"
    done = invoke("features", "--data", str(market), "--out", str(out))
    assert done.exit_code == 0, done.output
    frame = pd.read_parquet(out)
    assert list(frame.columns[:2]) == ["symbol", "session_date"]
    assert len(frame.columns) > 60
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(("chosen", "n_features"), [("alpha158", 158), ("factors14", 14)])
def test_a_factor_set_is_written_with_its_cost_alike_for_any_threads(
    market, tmp_path, chosen, n_features
):
    frames = []
    for threads in ("1", "3"):
        out = tmp_path / f"{threads}.parquet"
        words = ("--data", str(market), "--out", str(out), "--threads", threads)
        done = invoke("features", "--set", chosen, *words)
        assert done.exit_code == 0, done.output
        for word in ("kernels", "reading", "cleaning", "computing", "writing", "peak memory"):
            assert word in done.output
        frames.append(pd.read_parquet(out))
    one, other = frames
    assert list(one.columns[:2]) == ["symbol", "session_date"]
    assert len(one.columns) == 2 + n_features
    assert not one.duplicated(["symbol", "session_date"]).any()
    pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.parquet", "3.parquet"]


def test_simulate_never_writes_over_a_folder(market):
    assert "exists" in refused("simulate", "--out", str(market), "--seed", "3", *SMALL)


def test_simulate_plants_falls_in_minutes_with_their_chance_beside_the_market(tmp_path):
    words = ("simulate", "--seed", "3", "--signal", "falls", "--symbols", "4", "--sessions", "60")
    words = (*words, "--minute-sessions", "24")
    folder = tmp_path / "falls"
    done = invoke(*words, "--out", str(folder), "--oracle-auc", "0.7")
    assert done.exit_code == 0, done.output
    truth = pd.read_parquet(tmp_path / "falls.oracle.parquet")
    assert truth["oracle_score"].between(0, 1).all()
    assert pd.read_parquet(folder / "minute/bars.parquet")["symbol"].nunique() == 5
    shifted = refused(*words, "--out", str(tmp_path / "other"), "--shift-sessions", "5")
    assert "--shift-sessions" in shifted
    assert "minute" in refused(*words[:-1], "20", "--out", str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "--data", "{tmp}/none"), "does not exist"),
        (("run", "--source", "files"), "give --data DIR"),
        (("run", "--start", "2020-02-01", "--end", "2020-01-01"), "lies before start"),
        (("export", "gate.verdicts", "{tmp}/v.csv", "--home", "{tmp}/none"), "no warehouse yet"),
        (("drift", "--home", "{tmp}/none"), "no warehouse yet"),
        (("promote", "--by", "A", "--reason", "b", "--home", "{tmp}/none"), "no warehouse yet"),
        (("retrain", "--home", "{tmp}/none"), "no warehouse yet"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(words, said, tmp_path):
    assert said in refused(*(word.format(tmp=tmp_path) for word in words))


def test_an_error_is_one_line_on_stderr_and_exit_code_2(tmp_path):
    done = in_process("run", "--data", str(tmp_path / "none"), "--home", str(tmp_path / "home"))
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: market folder")
    assert not (tmp_path / "home").exists()


def test_a_dry_run_that_cannot_foresee_a_new_protocol_says_so(tmp_path):
    done = in_process("retrain", "--dry-run", "--renew-protocol", "--home", str(tmp_path / "home"))
    assert done.returncode == 2
    assert "--dry-run cannot foresee --renew-protocol" in done.stderr
    assert not (tmp_path / "home").exists()


def test_output_into_a_pipe_has_no_control_codes(market, tmp_path):
    words = ("run", "--data", str(market), "--home", str(tmp_path / "home"), "--dry-run")
    done = in_process(*words, NO_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout


def test_doctor_finds_a_new_home_well_and_writes_json(tmp_path):
    out = tmp_path / "doctor.json"
    done = invoke("doctor", "--home", str(tmp_path / "home"), "--json", str(out))
    assert done.exit_code == 0, done.output
    found = read_json(out)
    assert found["is_well"]
    assert {"python", "disk", "home"} <= {finding["check"] for finding in found["findings"]}
    assert not (tmp_path / "home").exists()


def test_ctrl_c_says_that_a_rerun_goes_on_and_ends_with_130(market, tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-m", "trading_pipeline.cli", "run", "--data", str(market)]
    process = subprocess.Popen(
        [*command, "--home", str(home)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,
    )
    deadline = time.monotonic() + 60
    while not (home / "warehouse.duckdb").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.strip().splitlines()[-1].startswith("stopped; what was finished is kept")


def _hear_interrupts():
    """Undo that a shell's background jobs ignore Ctrl-C, and with them their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))
