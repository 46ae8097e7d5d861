"""What is known about a challenger when it is judged; missing is None, never a number."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval and what it rests on; `detail` names n and the period."""

    value: float
    low: float
    high: float
    detail: str


@dataclass(frozen=True, slots=True)
class RegimeScore:
    """AUC within one regime; `n_horizons` is sessions over the horizon: independent outcomes."""

    auc: float | None
    n_horizons: float


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """Measurements of one challenger on the hold-out.

    `sharpe_net` is annual. `champion_difference` and `volatility_difference` are paired AUC
    differences, challenger minus the other, on identical rows. `dsr` and `holdout_reads` are
    reported, not judged. `latency_ms` is for 500 rows. `no_champion` says why there is nothing to
    compare with, where `has_champion` is false.
    """

    model_version: str
    recipe_id: str
    protocol_id: str
    has_champion: bool
    holdout_reads: int
    auc: Estimate | None = None
    sharpe_net: Estimate | None = None
    dsr: float | None = None
    champion_difference: Estimate | None = None
    volatility_difference: Estimate | None = None
    regimes: Mapping[str, RegimeScore] = field(default_factory=dict)
    ece: float | None = None
    calibration_slope: float | None = None
    latency_ms: float | None = None
    model_mb: float | None = None
    no_champion: str = "no champion in service"
