"""A user's module of features, as the loader hands it to the registry."""

from collections.abc import Callable
from dataclasses import dataclass

from trading_pipeline.contracts.data_config import FeaturesConfig


@dataclass(frozen=True, slots=True)
class FeatureModule:
    """A file that was read: its path, the hash of its text, and what it offers.

    `make` returns whatever the file defines for a configuration; the registry judges it.
    """

    path: str
    sha256: str
    make: Callable[[FeaturesConfig], object]
