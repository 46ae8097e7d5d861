"""The shape of the settings: one frozen model per stage; the numbers stand in `config/*.toml`.

Every field acts. An unknown key is refused, with its place in the file.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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
from trading_pipeline.contracts.selloffs_config import BrokerConfig, ScanConfig, SelloffsConfig

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
SwitchName = Literal[
    "archive",
    "balance",
    "weights",
    "uniqueness",
    "replay",
    "session_ranks",
    "search",
    "stack",
]
Device = Literal["cpu", "gpu"]
Objective = Literal["auc", "profit"]


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
    use_weights: bool
    use_uniqueness: bool
    use_replay: bool
    replay: ReplayConfig


class SweepsConfig(Section):
    """Hyper-parameter search.

    Workers and storage never change a result. The address of a PostgreSQL server is no setting:
    it holds a password.
    """

    learners: tuple[LearnerName, ...]
    objective: Objective
    use_search: bool
    n_trials: Count
    n_new_trials: Count
    trials_per_round: Count
    workers: Count
    storage: Literal["journal", "postgresql"]
    inner_folds: int = Field(ge=2)
    every_nth_session: Count
    max_rounds: Count
    seed: int = Field(ge=0)
    canary_min_auc: Fraction


class EnsembleConfig(Section):
    """The stack over the base learners."""

    use_stack: bool
    meta_learner: Literal["mlp", "logistic"]
    calibration: Literal["platt", "isotonic"]
    calibration_frac: float = Field(gt=0, lt=0.9)
    max_rounds: Count
    seed: int = Field(ge=0)


class EffectsConfig(Section):
    """Which parts are tried on and off before the hold-out, and with which learners."""

    switches: tuple[SwitchName, ...]
    learners: tuple[LearnerName, ...]


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
    hold_band_frac: float = Field(ge=0, lt=0.5)
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

    @model_validator(mode="after")
    def _sides_lie_apart(self) -> Self:
        if self.quantile_frac + self.hold_band_frac > 0.5:
            raise ValueError(
                "quantile_frac and hold_band_frac reach over half of the names, where a name would"
                " be held long and short; lower one"
            )
        return self


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
    shadow_sessions: int = Field(ge=0)
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
    outcome_horizons: Count
    max_age_sessions: Count
    cooldown_sessions: Count
    seed: int = Field(ge=0)


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
    effects: EffectsConfig
    explanations: ExplanationsConfig
    validation: ValidationConfig
    backtest: BacktestConfig
    gate: GateConfig
    predictions: PredictionsConfig
    outcomes: OutcomesConfig
    drift: DriftConfig
    selloffs: SelloffsConfig
    scan: ScanConfig
    broker: BrokerConfig
    tracking: TrackingConfig
    runtime: RuntimeConfig

    @model_validator(mode="after")
    def _profit_can_see_what_is_held(self) -> "PipelineConfig":
        if self.sweeps.objective == "profit" and (
            self.labels.horizon_sessions % self.sweeps.every_nth_session
        ):
            raise ValueError(
                "sweeps.objective profit counts what is held from one horizon to the next: make"
                " labels.horizon_sessions a multiple of sweeps.every_nth_session"
            )
        return self
