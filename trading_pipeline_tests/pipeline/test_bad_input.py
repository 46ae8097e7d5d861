"""Bad input is refused in one line with a remedy, exit code 2, and nothing is left behind."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from trading_pipeline import cli
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline_tests.pipeline.homes import ROOT, environment

# One worker: the tests share what is dear to make.
pytestmark = pytest.mark.xdist_group("one home")

HOLD = """
import sys, time
from pathlib import Path
from trading_pipeline.adapters.locks import home_lock
with home_lock(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(120)
"""
N_DAYS = 30


@pytest.fixture
def folder(tmp_path):
    """A good market folder, which a test then spoils."""
    days = pd.bdate_range("2020-01-06", periods=N_DAYS)
    rows = [(symbol, day, 10.0, 11.0, 9.0, 10.0, 1000.0) for day in days for symbol in ("A", "B")]
    columns = ["symbol", "ts", "open", "high", "low", "close", "volume"]
    path = tmp_path / "market" / "daily"
    path.mkdir(parents=True)
    pd.DataFrame(rows, columns=columns).to_csv(path / "bars.csv", index=False)
    return path.parent


@pytest.fixture
def refused(monkeypatch, capsys, tmp_path):
    """Run a command that must be refused; return its one line of stderr."""
    for name in [name for name in os.environ if name.startswith("TRADING_PIPELINE_")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"

    def call(*words, home=home):
        monkeypatch.setattr(
            sys, "argv", ["trading-pipeline", *map(str, words), "--home", str(home)]
        )
        before = listing(home)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        said = capsys.readouterr().err.strip()
        assert caught.value.code == 2, said
        assert said.startswith("error: ")
        assert "\n" not in said
        assert listing(home) == before
        return said

    return call


def listing(home):
    """Return what lies in a home, by name and size; the lock's file is no content."""
    if not home.is_dir():
        return set()
    files = (path for path in home.rglob("*") if path.is_file() and path.name != "run.lock")
    return {(path.relative_to(home).as_posix(), path.stat().st_size) for path in files}


def test_a_missing_folder(refused, tmp_path):
    said = refused("run", "--data", tmp_path / "nowhere")
    assert "nowhere does not exist; give an existing folder" in said


def test_source_files_without_a_folder(refused):
    assert "give --data DIR" in refused("run", "--source", "files")


def test_a_folder_without_daily_bars(refused, folder):
    (folder / "daily" / "bars.csv").unlink()
    assert "has no daily bars; put daily/*.parquet" in refused("run", "--data", folder)


def test_unreadable_parquet(refused, folder):
    (folder / "daily" / "more.parquet").write_bytes(b"PAR1 this is not Parquet PAR1")
    said = refused("run", "--data", folder)
    assert "daily/more.parquet" in said


def test_wrong_columns(refused, folder):
    bars = pd.read_csv(folder / "daily" / "bars.csv").rename(columns={"close": "last"})
    bars.to_csv(folder / "daily" / "bars.csv", index=False)
    said = refused("run", "--data", folder)
    assert "bars.csv" in said
    assert "close" in said


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_strings_in_prices(refused, folder, kind):
    bars = pd.read_csv(folder / "daily" / "bars.csv").astype({"close": object})
    bars.loc[7, "close"] = "n/a?"
    (folder / "daily" / "bars.csv").unlink()
    path = folder / "daily" / f"bars.{kind}"
    if kind == "csv":
        bars.to_csv(path, index=False)
    else:
        bars.astype({"close": str}).to_parquet(path)
    said = refused("run", "--data", folder)
    assert path.name in said
    assert "close" in said


def test_an_unknown_symbol(refused, folder):
    said = refused("run", "--data", folder, "--symbols", "A,ZZZ")
    assert "no daily bars of ZZZ" in said
    assert "choose among its 2 symbols" in said


def test_an_end_before_the_start(refused, folder):
    said = refused("run", "--data", folder, "--start", "2020-02-03", "--end", "2020-01-31")
    assert "end 2020-01-31 lies before start 2020-02-03; give an end" in said


@pytest.mark.parametrize("place", ["below a file", "/proc"])
def test_an_unwritable_home(refused, folder, tmp_path, place):
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home" if place == "below a file" else type(tmp_path)("/proc/home")
    said = refused("run", "--data", folder, home=home)
    assert f"home {home} cannot be written" in said
    assert "--home" in said


def test_a_home_made_by_a_newer_version(refused, folder, tmp_path):
    warehouse = Warehouse(tmp_path / "home", threads=1)
    warehouse.migrate()
    with warehouse.writer() as connection:
        connection.execute(
            "insert into provenance.migrations select 9000, 'later', 'hash', now()::timestamptz"
        )
    said = refused("run", "--data", folder)
    assert "was made by a newer version" in said
    assert "upgrade the program" in said


@pytest.mark.parametrize("command", ["run", "retrain", "migrate"])
def test_a_second_writer_is_told_who_is_first(refused, folder, tmp_path, command):
    home = tmp_path / "home"
    Warehouse(home, threads=1).migrate()
    (home / "config").mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, home],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout.readline().strip() == "ready"
        words = {"run": ("run", "--data", folder), "retrain": ("retrain",), "migrate": ("migrate",)}
        if command == "retrain":
            from trading_pipeline.adapters.config_store import ConfigStore
            from trading_pipeline.settings import load_settings

            ConfigStore(home).save(load_settings(flags={"source": {"kind": "sample"}}))
        said = refused(*words[command])
        assert f"home {home} is in use by process {holder.pid}" in said
        assert "--home" in said
    finally:
        holder.kill()
        holder.communicate()
