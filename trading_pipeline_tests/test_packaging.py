"""The wheel holds all the program needs, and works where there is no checkout."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of what the checkout ships."""
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("not a checkout: there is nothing to build from")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in ("trading_pipeline", "sql"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "dagster.yaml", "workspace.yaml"):
        shutil.copyfile(ROOT / name, source / name)
    done = subprocess.run(
        [*builder(), "--wheel", "-o", str(out), str(source)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    if done.returncode and "hatchling" in done.stdout + done.stderr and not has("hatchling"):
        pytest.skip("hatchling is neither installed nor to be had from a package registry")
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def has(module):
    return importlib.util.find_spec(module) is not None


def builder():
    """Return the command that builds: the installed backend, else one that uv fetches."""
    if has("hatchling") and has("build"):
        return [sys.executable, "-m", "build", "--no-isolation"]
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        return [uv, "build", "--quiet"]
    if has("build"):
        return [sys.executable, "-m", "build"]
    pytest.skip("no builder: neither hatchling, uv nor build is installed")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel unpacked into a folder of its own, as an installer lays it out."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def program(installed, cwd, *words):
    """Run the installed program from a folder that is no checkout."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("TRADING_PIPELINE_")}
    code = "import sys; from trading_pipeline.cli import main; sys.argv[0] = 'x'; main()"
    # Isolated mode keeps an editable install's folder from being found before the wheel's.
    start = f"import sys; sys.path.insert(0, {str(installed)!r}); {code}"
    return subprocess.run(
        [sys.executable, "-I", "-c", start, *words],
        cwd=cwd, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_wheel_ships_settings_sql_and_dagster_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for path in (ROOT / "sql").rglob("*.sql"):
        assert f"trading_pipeline/sql/{path.relative_to(ROOT / 'sql').as_posix()}" in held
    for path in (ROOT / "trading_pipeline").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in held
    for name in ("dagster.yaml", "workspace.yaml"):
        assert f"trading_pipeline/top_level/{name}" in held
    assert not [name for name in held if "trading_pipeline_tests" in name]


def test_the_installed_program_migrates_a_home_and_finds_it_well(installed, tmp_path):
    home = tmp_path / "home"
    migrated = program(installed, tmp_path, "migrate", "--home", str(home))
    assert migrated.returncode == 0, migrated.stderr
    assert (home / "warehouse.duckdb").exists()
    examined = program(installed, tmp_path, "doctor", "--home", str(home))
    assert examined.returncode == 0, examined.stdout + examined.stderr
    assert "fault" not in examined.stdout


def test_the_installed_program_loads_its_definitions_from_the_wheel(installed, tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(installed)!r})\n"
        "from pathlib import Path\n"
        "import trading_pipeline\n"
        "from trading_pipeline.definitions import build_definitions\n"
        "from trading_pipeline.settings import top_level_file\n"
        "assert Path(trading_pipeline.__file__).is_relative_to(sys.path[0])\n"
        "graph = build_definitions(Path('home')).resolve_asset_graph()\n"
        "assert len(graph.asset_check_keys) > 40\n"
        "assert top_level_file('dagster.yaml').is_file()\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
