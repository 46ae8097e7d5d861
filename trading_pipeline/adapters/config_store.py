"""Resolved settings on disk: the home's current ones, and every version a run used."""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.contracts.errors import InputError


@dataclass(frozen=True, slots=True)
class StoredConfig:
    """Resolved settings and their hash."""

    version: str
    config: PipelineConfig

    @property
    def text(self) -> str:
        """The settings as canonical JSON."""
        return canonical_json(self.config)


def canonical_json(config: PipelineConfig) -> str:
    """Return the settings as JSON with one spelling."""
    return json.dumps(config.model_dump(mode="json"), sort_keys=True, indent=1)


def config_version(config: PipelineConfig) -> str:
    """Return the hash of the resolved settings."""
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()[:16]


class ConfigStore:
    """`config/<version>.json` for every version, `config/current` naming the one in force."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "config"

    def save(self, config: PipelineConfig) -> StoredConfig:
        """Store the settings and make them the home's current ones."""
        version = config_version(config)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(f"{version}.json", canonical_json(config))
            self._write("current", version)
        except OSError as error:
            raise InputError(
                f"home {self.folder.parent} cannot be written ({error.strerror}); "
                "give another with --home or change its permissions"
            ) from None
        return StoredConfig(version, config)

    def has_current(self) -> bool:
        """Tell whether a run has left settings here."""
        return (self.folder / "current").exists()

    def load(self, version: str = "") -> StoredConfig:
        """Return the stored settings of a version, by default the current ones."""
        if not version:
            if not self.has_current():
                raise InputError(
                    f"home {self.folder.parent} has no settings yet; "
                    "run `trading-pipeline run` once"
                )
            version = (self.folder / "current").read_text(encoding="utf-8").strip()
        path = self.folder / f"{version}.json"
        if not path.exists():
            known = ", ".join(sorted(p.stem for p in self.folder.glob("*.json"))) or "none"
            raise InputError(f"config {version!r} is not stored here; known versions: {known}")
        return StoredConfig(version, _restored(version, json.loads(path.read_text("utf-8"))))

    def _write(self, name: str, text: str) -> None:
        temporary = self.folder / f".{name}.{os.getpid()}"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.folder / name)


def _restored(version: str, stored: dict[str, Any]) -> PipelineConfig:
    """Return stored settings; those that came after them have today's default values."""
    text = (resources.files("trading_pipeline") / "config" / "default.toml").read_text("utf-8")
    try:
        return PipelineConfig.model_validate(_filled(stored, tomllib.loads(text)))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"config {version!r} was stored by another version of the program and holds {place!r}, "
            f"which this one does not take ({first['msg']}); run with the settings wanted now"
        ) from None


def _filled(stored: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    filled = dict(stored)
    for name, value in defaults.items():
        if name not in filled:
            filled[name] = value
        elif isinstance(value, Mapping) and isinstance(filled[name], Mapping):
            filled[name] = _filled(filled[name], value)
    return filled
