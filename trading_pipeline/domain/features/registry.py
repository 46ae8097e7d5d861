"""The feature registry: the one place from which columns, catalogue, tests and sweeps are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trading_pipeline.contracts.data_config import FeaturesConfig
from trading_pipeline.contracts.feature_module import FeatureModule

if TYPE_CHECKING:
    from trading_pipeline.domain.features.panel import Panel

Compute = Callable[["Panel"], NDArray[np.float64]]
AT_DECISION: Final = "18:00 New York of the session; later where the bar itself was withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column of features.daily or features.intraday: what it means and how it is computed.

    `stage` says of which, `timeframe_minutes` how long an intraday bar is. `lookback_sessions`
    counts bars of the series named in `inputs`; before that the value is
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
    stage: Literal["daily", "intraday"] = "daily"
    timeframe_minutes: int | None = None


def feature_registry(
    config: FeaturesConfig, module: FeatureModule | None = None
) -> tuple[Feature, ...]:
    """Return every daily feature, in the order of the columns; those of a user's module last.

    Raises:
        ValueError: Two features share a name, which a grid with a repeated window causes.
        InputError: The user's module breaks a rule; see `user_features`.
    """
    # The families load numba, which a process that only asks for the graph should not pay for.
    from trading_pipeline.domain.features.activity import activity_features
    from trading_pipeline.domain.features.alpha158 import alpha158_features
    from trading_pipeline.domain.features.candles import candle_features
    from trading_pipeline.domain.features.context import context_features
    from trading_pipeline.domain.features.cross_section import cross_section_features
    from trading_pipeline.domain.features.events import event_features
    from trading_pipeline.domain.features.flows import flow_features
    from trading_pipeline.domain.features.indicators import indicator_features
    from trading_pipeline.domain.features.momentum import momentum_features
    from trading_pipeline.domain.features.prices import price_features
    from trading_pipeline.domain.features.ranges import range_features
    from trading_pipeline.domain.features.relative import relative_features
    from trading_pipeline.domain.features.trends import trend_features

    per_symbol = (
        *price_features(),
        *indicator_features(config),
        *activity_features(),
        *trend_features(config),
        *momentum_features(config),
        *range_features(config),
        *flow_features(config),
        *candle_features(),
        *context_features(),
        *relative_features(),
        *event_features(config),
        *alpha158_features(),
    )
    registry = (*per_symbol, *cross_section_features(per_symbol))
    names = [feature.name for feature in registry]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"features defined twice: {repeated}; list each window of a grid once")
    if module is None:
        return registry
    from trading_pipeline.domain.features.user_features import user_features

    return (*registry, *user_features(module, config, names))


class Described(Protocol):
    """What the catalogue and the page of the features tell of a feature of any stage."""

    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> str: ...
    @property
    def timeframe_minutes(self) -> int | None: ...
    @property
    def family(self) -> str: ...
    @property
    def formula(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def lookback_sessions(self) -> int: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def known_at_rule(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def alternative(self) -> tuple[str, str] | None: ...


def catalog_frame(registry: Sequence[Described]) -> pd.DataFrame:
    """Return features.catalog: one row per feature and timeframe, in the order of the registry."""
    return pd.DataFrame(
        {
            "feature": [f.name for f in registry],
            "stage": [f.stage for f in registry],
            "timeframe_minutes": pd.array([f.timeframe_minutes for f in registry], dtype="Int64"),
            "family": [f.family for f in registry],
            "formula": [f.formula for f in registry],
            "unit": [f.unit for f in registry],
            "lookback_sessions": pd.Series([f.lookback_sessions for f in registry], dtype="int64"),
            "inputs": [", ".join(f.inputs) for f in registry],
            "known_at_rule": [f.known_at_rule for f in registry],
            "source": [f.source for f in registry],
            "window_group": [f.alternative and " ".join(f.alternative) for f in registry],
        }
    )
