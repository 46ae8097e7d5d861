"""The shape of the settings: one frozen model per stage; the numbers stand in `config/*.toml`.

Every field acts. An unknown key is refused, with its place in the file.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from trading_pipeline.contracts.data_config import (
    BarsConfig,
    Count,
    FeaturesConfig,
    Fraction,
    MemoryConfig,
    Positive,
    RegimesConfig,
    Section,
    SourceConfig,
    VendorsConfig,
)

LearnerName = Literal[
    "lightgbm",
    "xgboost",
    "catboost",
    "gradient_boosting",
    "random_forest",
    "extra_trees",
    "mlp",
    "logistic",
    "svm",
    "gru",
]
Device = Literal["cpu", "gpu"]


class LabelsConfig(Section):
    """The training target."""

    target: Literal["excess", "raw"]
    horizon_sessions: Count
    min_symbols: Count
    min_symbols_sample: Count


class SplitsConfig(Section):
    """The evaluation protocol; scores compare only between equal protocols."""

    scheme: Literal["walk_forward", "purged_kfold"]
    n_folds: int = Field(ge=2, le=20)
    embargo_sessions: int = Field(ge=0)
    holdout_sessions: Count
    holdout_max_frac: float = Field(gt=0, lt=1)
    holdout_start: date | None = None
    holdout_end: date | None = None
    window_sessions: Count
    renew_after_sessions: Count


class ReplayConfig(Section):
    """Which wrong predictions return to training, how heavy they weigh, and for how long."""

    worst_frac: Fraction
    weight: float = Field(ge=1)
    max_share: Fraction
    max_age_sessions: Count


class SamplingConfig(Section):
    """Target mix and weights of the training set, by regime."""

    balance: bool
    mix: dict[str, Fraction]
    weights: dict[str, Positive]
    max_repeats: Count
    use_archive: bool
    use_uniqueness: bool
    use_replay: bool
    replay: ReplayConfig


class SweepsConfig(Section):
    """Hyper-parameter search."""

    learners: tuple[LearnerName, ...]
    n_trials: Count
    inner_folds: int = Field(ge=2)
    every_nth_session: Count
    max_rounds: Count
    seed: int = Field(ge=0)
    canary_min_auc: Fraction


class EnsembleConfig(Section):
    """The stack over the base learners."""

    meta_learner: Literal["mlp", "logistic"]
    calibration: Literal["platt", "isotonic"]
    calibration_frac: float = Field(gt=0, lt=0.9)
    max_rounds: Count
    seed: int = Field(ge=0)


class ExplanationsConfig(Section):
    """How many natural rows of each regime are explained."""

    rows_per_regime: Count


class ValidationConfig(Section):
    """Scores by regime before the hold-out."""

    leave_events_out: bool


class BacktestConfig(Section):
    """The staggered book and what trading costs."""

    side: Literal["long_short", "long_only"]
    quantile_frac: float = Field(gt=0, le=0.5)
    hold_sessions: Count
    capital_usd: Positive
    commission_per_share_usd: float = Field(ge=0)
    commission_min_usd: float = Field(ge=0)
    commission_bps: float = Field(ge=0)
    half_spread_bps: float = Field(ge=0)
    slippage_bps: float = Field(ge=0)
    impact_bps: float = Field(ge=0)
    borrow_bps_per_year: float = Field(ge=0)
    max_volume_frac: float = Field(gt=0, le=1)
    cost_multiples: tuple[Annotated[float, Field(ge=0)], ...]
    sizing: Literal["equal", "volatility", "kelly", "mean_risk"]
    sizing_sessions: int = Field(ge=20)
    kelly_frac: float = Field(gt=0, le=1)
    max_name_multiple: float = Field(ge=1)


class GateConfig(Section):
    """What a challenger must prove on the hold-out."""

    min_auc: Fraction
    min_auc_low: Fraction
    min_sharpe_net: float
    champion_margin: float
    volatility_margin: float
    min_regime_auc: Fraction
    min_horizons: Count
    max_ece: Fraction
    slope_low: float
    slope_high: float
    max_latency_ms: Positive
    max_model_mb: Positive
    bootstrap_samples: int = Field(ge=100)
    interval_sd: Positive
    auto_promote: bool
    seed: int = Field(ge=0)


class PredictionsConfig(Section):
    """What is said after each close."""

    n_reasons: Count


class OutcomesConfig(Section):
    """What counts as a hit, and when a sector or symbol can be judged."""

    hit_return_frac: Fraction
    min_horizons: Count
    bootstrap_samples: int = Field(ge=50)
    interval_sd: Positive
    seed: int = Field(ge=0)


class DriftConfig(Section):
    """When live data have moved enough to ask for a retrain."""

    window_sessions: int = Field(ge=5)
    psi_watch: Positive
    psi_drifted: Positive
    n_bins: int = Field(ge=2)
    bootstrap_samples: int = Field(ge=50)
    feature_quantile: Fraction
    share_quantile: Fraction
    confirm_sessions: Count
    max_age_sessions: Count
    cooldown_sessions: Count
    seed: int = Field(ge=0)


class SelloffsConfig(Section):
    """The rungs of the intraday scanner."""

    rungs: tuple[Fraction, ...]


class TrackingConfig(Section):
    """MLflow: where runs are logged and how long logging may take."""

    enabled: bool
    uri: str
    experiment: str
    registered_model: str
    timeout_seconds: Positive


class RuntimeConfig(Section):
    """The machine. Threads never change a result; they only change its speed.

    A GPU fits the boosters; its bits are not the processor's.
    """

    threads: Count
    device: Device
    memory_gb: Positive
    lock_wait_seconds: Positive


class PipelineConfig(Section):
    """All settings of one run; its hash is the config version."""

    profile: Literal["quick", "full"]
    source: SourceConfig
    vendors: VendorsConfig
    bars: BarsConfig
    regimes: RegimesConfig
    memory: MemoryConfig
    features: FeaturesConfig
    labels: LabelsConfig
    splits: SplitsConfig
    sampling: SamplingConfig
    sweeps: SweepsConfig
    ensemble: EnsembleConfig
    explanations: ExplanationsConfig
    validation: ValidationConfig
    backtest: BacktestConfig
    gate: GateConfig
    predictions: PredictionsConfig
    outcomes: OutcomesConfig
    drift: DriftConfig
    selloffs: SelloffsConfig
    tracking: TrackingConfig
    runtime: RuntimeConfig
