"""The rules of the design that a reader of one module cannot see: who may import whom, and size."""

import ast
import re
import subprocess
from itertools import chain
from pathlib import Path

import pytest

import trading_pipeline
from trading_pipeline.contracts import config, data_config
from trading_pipeline.contracts.data_config import Section

PACKAGE = Path(trading_pipeline.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
TESTS = Path(__file__).parent
MAX_LINES = 400
EVERYTHING = {
    "contracts", "domain", "adapters", "resources", "assets", "automation", "reports",
    "definitions", "settings", "commands", "cli",
}  # fmt: skip
# What a package may import of ours besides itself; the composition root may import everything.
MAY_IMPORT = {
    "contracts": set(),
    "domain": {"contracts"},
    "adapters": {"contracts"},
    "resources": {"contracts", "adapters"},
    "assets": {"contracts", "domain", "resources"},
    "automation": {"contracts", "domain", "resources", "assets", "settings"},
    "reports": {"contracts", "domain"},
    "definitions": EVERYTHING,
    "settings": EVERYTHING,
    "commands": EVERYTHING,
    "cli": EVERYTHING,
    "__init__": set(),
}
HEAVY = {
    "catboost", "dagster", "duckdb", "exchange_calendars", "lightgbm", "mlflow", "numba", "numpy",
    "optuna", "pyarrow", "scipy", "sklearn", "talib", "torch", "xgboost",
}  # fmt: skip
OUTSIDE_WORLD = {
    "dagster", "dagster_pandas", "duckdb", "mlflow", "fastapi", "httpx", "os", "pathlib", "sys",
    "requests", "urllib", "socket", "subprocess", "shutil", "tempfile", "time",
}  # fmt: skip
NEVER = {
    "contracts": HEAVY,
    "domain": OUTSIDE_WORLD,
    "adapters": {"dagster", "dagster_pandas"},
    "reports": {"dagster", "dagster_pandas", "duckdb"},
}
CLOCK = {"now", "today", "utcnow", "perf_counter", "monotonic"}
TOP_LEVEL = {
    "README.md", "pyproject.toml", "requirements.lock", "Makefile", "LICENSE", "workspace.yaml",
    "dagster.yaml", "sql", "trading_pipeline", "trading_pipeline_tests", "docs",
}  # fmt: skip
# Handing the environment on to a child, or setting a library's switch, reads nothing from it.
HANDED_ON = re.compile(r"\*\*os\.environ\b|os\.environ\.update\(|os\.environ\[[^]]+\] = ")


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def package_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """Return the dotted names of all modules a module imports, wherever in it."""
    found = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} imports relatively"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(path):
    """Return the packages of ours that a module imports."""
    dotted = (name.split(".") for name in imports(path))
    return {parts[1] for parts in dotted if parts[0] == "trading_pipeline" and len(parts) > 1}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_imports_only_what_its_layer_may(path):
    package = package_of(path)
    assert own(path) - {package} <= MAY_IMPORT[package]
    roots = {name.split(".")[0] for name in imports(path)}
    assert not roots & NEVER.get(package, set())


@pytest.mark.parametrize(
    "path", [path for path in MODULES if package_of(path) in ("domain", "contracts")], ids=name_of
)
def test_the_domain_never_reads_the_clock(path):
    called = {
        node.func.attr
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & CLOCK


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_and_says_first_what_belongs_in_it(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
    docstring = ast.get_docstring(tree_of(path))
    assert docstring, "no docstring"
    assert len(docstring.splitlines()[0]) >= 15


def test_no_module_is_a_drawer_for_leftovers():
    stems = {path.stem for path in chain(PACKAGE.rglob("*.py"), TESTS.rglob("*.py"))}
    assert not stems & {"utils", "util", "helpers", "helper", "common", "misc"}


def test_the_assembly_is_short():
    assert len((PACKAGE / "definitions.py").read_text().splitlines()) < 60


def test_the_top_level_holds_only_its_fixed_entries():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: nothing says which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    entries = {name.split("/")[0] for name in listed}
    assert {name for name in entries if not name.startswith(".")} == TOP_LEVEL


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_settings_read_the_environment(path):
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"\benviron\b|\benvironb\b|\bgetenv\b", text)
    if name_of(path) == "settings.py":
        assert named
    else:
        assert len(named) == len(HANDED_ON.findall(text))


def sections():
    return [
        model
        for model in (vars(config) | vars(data_config)).values()
        if isinstance(model, type) and issubclass(model, Section) and model is not Section
    ]


@pytest.fixture(scope="module")
def read_names():
    """Names of all attributes that the program reads, the settings' own modules left out."""
    names = set()
    for path in MODULES:
        if name_of(path) in ("contracts/config.py", "contracts/data_config.py"):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
    return names


@pytest.mark.parametrize(
    ("model", "field"),
    [(model, field) for model in sections() for field in model.model_fields],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_setting_is_read_somewhere(model, field, read_names, check_parameters):
    assert field in read_names | check_parameters, f"{model.__name__}.{field} acts nowhere"


@pytest.fixture(scope="module")
def check_parameters():
    """Names of settings that the SQL checks bind."""
    texts = (path.read_text() for path in (ROOT / "sql" / "checks").glob("*.sql"))
    return {name for text in texts for name in re.findall(r"\$([a-z_]+)", text)}


def test_every_migrated_table_and_column_is_commented():
    for path in sorted((ROOT / "sql" / "migrations").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for table, body in re.findall(r"create table ([\w.]+) \((.*?)\n\);", text, re.DOTALL):
            assert f"comment on table {table} is" in text, table
            for line in body.strip().splitlines():
                column = line.split()[0]
                if column not in ("primary", "unique", "check", "foreign"):
                    assert f"comment on column {table}.{column} is" in text, f"{table}.{column}"
