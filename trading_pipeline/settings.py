"""Resolve the settings of a run: defaults, profile, user file, environment, flags, in that order.

The only reader of the environment. Environment names follow the sections:
`TRADING_PIPELINE_SWEEPS__N_TRIALS=3` sets `sweeps.n_trials`.
"""

import os
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError

PREFIX = "TRADING_PIPELINE_"
HOME_VARIABLE = f"{PREFIX}HOME"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
SWEEPS_URL_VARIABLE = f"{PREFIX}SWEEPS_URL"
SMTP_PASSWORD_VARIABLE = f"{PREFIX}SMTP_PASSWORD"
# Variables of ours that are no settings.
RESERVED = {HOME_VARIABLE, CONFIG_VARIABLE, SWEEPS_URL_VARIABLE, SMTP_PASSWORD_VARIABLE}

VENDOR_KEYS = (
    "APCA_API_KEY_ID",
    "APCA_API_SECRET_KEY",
    "ALPACA_API_KEY",
    "ALPACA_SECRET_KEY",
    "MASSIVE_API_KEY",
    "POLYGON_API_KEY",
    "FRED_API_KEY",
)

Tree = dict[str, Any]


def default_home() -> Path:
    """Return the home: the environment's, else `.trading_pipeline/` beside the README."""
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named).expanduser().resolve()
    checkout = Path(__file__).resolve().parents[1]
    base = checkout if (checkout / "pyproject.toml").exists() else Path.cwd()
    return base / ".trading_pipeline"


def load_settings(
    *,
    config_file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> PipelineConfig:
    """Return the resolved settings.

    Args:
        config_file: A user's TOML file; else the one `TRADING_PIPELINE_CONFIG` names, if any.
        flags: Nested settings from the command line; they win.
        environment: Variables to read; the process's own by default.

    Raises:
        InputError: An unknown key, a value out of range, a missing or unreadable file.
    """
    environment = os.environ if environment is None else environment
    if config_file is None and environment.get(CONFIG_VARIABLE):
        config_file = Path(environment[CONFIG_VARIABLE])
    user = _read_toml(config_file) if config_file else {}
    from_environment = _environment_tree(environment)
    flag_tree = dict(flags or {})
    base = _packaged("default.toml")
    profile = base["profile"]
    for layer in (user, from_environment, flag_tree):
        profile = layer.get("profile", profile)
    if profile not in ("quick", "full"):
        raise InputError(f"profile {profile!r} is unknown; give quick or full")
    layers = (base, _packaged(f"{profile}.toml"), user, from_environment, flag_tree)
    tree: Tree = {}
    for layer in layers:
        tree = _merged(tree, layer)
    return validated(tree)


def validated(tree: Mapping[str, Any]) -> PipelineConfig:
    """Return the settings of a nested mapping; an error names the key and what is wrong."""
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            message = f"unknown setting {place!r}; remove it, or see config/default.toml for names"
        else:
            message = f"setting {place or 'source'}: {first['msg'].removeprefix('Value error, ')}"
        raise InputError(message) from None


def vendor_keys() -> dict[str, str]:
    """Return the variables of the environment that hold vendors' keys; settings never hold them."""
    return {name: os.environ[name] for name in VENDOR_KEYS if os.environ.get(name)}


def sweeps_server() -> str:
    """Return the address of the sweeps' server, empty if none; it may hold a password."""
    return os.environ.get(SWEEPS_URL_VARIABLE, "")


def smtp_password() -> str:
    """Return the password of the mail server that tells of alerts, empty if none is set."""
    return os.environ.get(SMTP_PASSWORD_VARIABLE, "")


def top_level_file(name: str) -> Path:
    """Return a file of the top level: from the checkout, else the copy inside the wheel."""
    package = Path(__file__).resolve().parent
    beside = package.parent / name
    return beside if (package.parent / "pyproject.toml").exists() else package / "top_level" / name


def _packaged(name: str) -> Tree:
    text = (resources.files("trading_pipeline") / "config" / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read_toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"config file {path} does not exist; give an existing TOML file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"config file {path} cannot be read: {error}") from None


def _environment_tree(environment: Mapping[str, str]) -> Tree:
    tree: Tree = {}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        *parents, leaf = name.removeprefix(PREFIX).lower().split("__")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = _environment_value(environment[name])
    return tree


def _environment_value(text: str) -> Any:
    """Read lists and numbers as JSON; anything else stays text, which pydantic then judges."""
    try:
        return TypeAdapter(Any).validate_json(text)
    except ValidationError:
        return text


def _merged(base: Tree, over: Mapping[str, Any]) -> Tree:
    result = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), dict):
            result[key] = _merged(result[key], value)
        else:
            result[key] = value
    return result
