"""Examine the machine, the packages, the home and its tables; say what to do about each fault."""

import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from rich.console import Console

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.feature_module import load_feature_module
from trading_pipeline.adapters.locks import home_lock
from trading_pipeline.adapters.model_store import load_members
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.commands.summary import write_json
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.settings import load_settings

NEEDED_GIGABYTES = 2.0
PACKAGES = ("dagster", "duckdb", "lightgbm", "xgboost", "catboost", "optuna", "mlflow", "TA-Lib")
Finding = tuple[str, bool, str]


def examine(
    console: Console, home: Path, json_path: Path | None, own_features: Path | None = None
) -> bool:
    """Print every finding; return whether all is well.

    Without `own_features`, the user's module is the one that the home's settings name.
    """
    findings = [finding for check in CHECKS for finding in check(home)]
    findings += _own_features(home, own_features)
    for name, is_well, detail in findings:
        mark = "[green]ok[/]   " if is_well else "[red]fault[/]"
        console.print(f"{mark} {name}: {detail}", highlight=False)
    if json_path:
        write_json(
            {
                "is_well": all(is_well for _, is_well, _ in findings),
                "findings": [
                    {"check": name, "is_well": is_well, "detail": detail}
                    for name, is_well, detail in findings
                ],
            },
            json_path,
        )
    return all(is_well for _, is_well, _ in findings)


def _python(_: Path) -> Iterator[Finding]:
    version = sys.version_info
    is_well = (3, 11) <= version[:2] < (3, 14)
    yield "python", is_well, f"{version.major}.{version.minor} (needed: 3.11 to 3.13)"


def _packages(_: Path) -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield name, True, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, False, "not installed; run `make clean run`"


def _disk(home: Path) -> Iterator[Finding]:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    yield "disk", free > NEEDED_GIGABYTES, f"{free:.0f} GB free beside {there}"


def _home(home: Path) -> Iterator[Finding]:
    if not (home / "warehouse.duckdb").exists():
        yield "home", True, f"{home} is new; `trading-pipeline run` fills it"
        return
    try:
        with home_lock(home):
            yield "home", True, f"{home}, no run is working on it"
    except InputError as error:
        yield "home", True, str(error)


def _tables(home: Path) -> Iterator[Finding]:
    if not (home / "warehouse.duckdb").exists():
        return
    try:
        warehouse = Warehouse(home, lock_wait_seconds=5)
        ledger = warehouse.materializations()
        files = warehouse.read("select path from provenance.partitions")["path"]
        lost = [path for path in files if not (home / path).exists()]
        yield "warehouse", True, f"{len(ledger)} tables written"
        yield (
            "lake",
            not lost,
            f"{len(files)} files"
            + (f"; {len(lost)} are gone, run with --force to rebuild them" if lost else ""),
        )
        versions = warehouse.read("select distinct model_version as v from ensemble.deployed")["v"]
        for version in versions:
            load_members(home, version)
            yield "model", True, f"{version}: every file matches its hash"
        store = ConfigStore(home)
        if not store.has_current():
            yield "settings", True, "none yet; the first run stores them"
            return
        config = store.load()
        yield "settings", True, f"version {config.version}, source {config.config.source.kind}"
    except InputError as error:
        yield "warehouse", False, str(error)


def _own_features(home: Path, given: Path | None) -> Iterator[Finding]:
    try:
        store = ConfigStore(home)
        config = store.load().config.features if store.has_current() else load_settings().features
        path = str(given.expanduser().resolve()) if given else config.module
        if path:
            offered = len(feature_registry(config, load_feature_module(path)))
            own = offered - len(feature_registry(config))
            yield "features", True, f"{path}: {own} of your own beside {offered - own}"
    except InputError as error:
        yield "features", False, str(error)


CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _disk,
    _home,
    _tables,
)
