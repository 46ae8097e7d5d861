"""The feature registry: the one place from which columns, catalogue, tests and sweeps are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.config import FeaturesConfig

if TYPE_CHECKING:
    from trading_pipeline.domain.features.panel import Panel

Compute = Callable[["Panel"], NDArray[np.float64]]
AT_DECISION: Final = "18:00 New York of the session; later where the bar itself was withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of features.daily: what it means and how it is computed.

    `lookback_sessions` counts bars of the series named in `inputs`; before that the value is
    missing, whatever `compute` returns. `inputs` without a prefix are the symbol's own bars: a
    bar that lacks one restarts the count. `alternative` is the grid choice, (group, window), to
    which a column belongs; None where every trial may use it.
    """

    name: str
    family: str
    formula: str
    unit: str
    lookback_sessions: int
    inputs: tuple[str, ...]
    source: str
    compute: Compute
    known_at_rule: str = AT_DECISION
    alternative: tuple[str, str] | None = None


def feature_registry(config: FeaturesConfig) -> tuple[Feature, ...]:
    """Return every daily feature, in the order of the columns.

    Raises ValueError where two features share a name, which a grid with a repeated window causes.
    """
    # The families load numba, which a process that only asks for the graph should not pay for.
    from trading_pipeline.domain.features.activity import activity_features
    from trading_pipeline.domain.features.context import context_features
    from trading_pipeline.domain.features.cross_section import cross_section_features
    from trading_pipeline.domain.features.indicators import indicator_features
    from trading_pipeline.domain.features.prices import price_features

    per_symbol = (
        *price_features(),
        *indicator_features(config),
        *activity_features(),
        *context_features(),
    )
    registry = (*per_symbol, *cross_section_features(per_symbol))
    names = [feature.name for feature in registry]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"features defined twice: {repeated}; list each window of a grid once")
    return registry


def catalog_frame(registry: tuple[Feature, ...]) -> pd.DataFrame:
    """Return features.catalog: one row per feature, in the order of the registry."""
    return pd.DataFrame(
        {
            "feature": [f.name for f in registry],
            "family": [f.family for f in registry],
            "formula": [f.formula for f in registry],
            "unit": [f.unit for f in registry],
            "lookback_sessions": pd.Series([f.lookback_sessions for f in registry], dtype="int64"),
            "inputs": [", ".join(f.inputs) for f in registry],
            "known_at_rule": [f.known_at_rule for f in registry],
            "source": [f.source for f in registry],
        }
    )
