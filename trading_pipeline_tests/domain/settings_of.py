"""The shipped settings, section by section, for tests of the domain."""

import tomllib
from pathlib import Path

import trading_pipeline
from trading_pipeline.contracts.data_config import Section

SHIPPED = Path(trading_pipeline.__file__).parent / "config" / "default.toml"


def shipped(model: type[Section], section: str, **changes):
    """Return one section of `default.toml` as its model, with changes."""
    return model(**(tomllib.loads(SHIPPED.read_text())[section] | changes))
