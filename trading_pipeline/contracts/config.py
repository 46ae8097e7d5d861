"""The shape of the settings: one frozen model per stage; the numbers stand in `config/*.toml`.

Every field acts. An unknown key is refused, with its place in the file.
"""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
LearnerName = Literal["lightgbm", "xgboost", "catboost"]


class Section(BaseModel):
    """A group of settings: immutable, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SimulationConfig(Section):
    """The market that source `simulated` makes."""

    n_symbols: int = Field(ge=4, le=2000)
    n_sessions: int = Field(ge=60, le=7000)
    first_session: date
    seed: int = Field(ge=0)
    signal: Literal["none", "linear", "interaction", "regime"]
    oracle_auc: float = Field(gt=0.5, le=0.95)
    minute_sessions: int = Field(ge=0)
    minute_symbols: int = Field(ge=0)


class SourceConfig(Section):
    """Where bars come from, and which part of them is used."""

    kind: Literal["sample", "simulated", "files", "alpaca", "massive"]
    data: str
    symbols: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    simulation: SimulationConfig

    @model_validator(mode="after")
    def _span_runs_forward(self) -> "SourceConfig":
        if self.start and self.end and self.end < self.start:
            raise ValueError(
                f"end {self.end} lies before start {self.start}; give an end on or after the start"
            )
        return self


class VendorConfig(Section):
    """One vendor: where it is, how often it may be asked, and for how many symbols at once."""

    base_url: str
    requests_per_minute: Count
    page_limit: Count
    symbols_per_call: Count


class VendorsConfig(Section):
    """Fetching: patience with a vendor, and what is fetched beside daily bars."""

    deadline_seconds: Positive
    timeout_seconds: Positive
    max_attempts: Count
    backoff_seconds: Positive
    max_backoff_seconds: Positive
    settle_days: int = Field(ge=0)
    datasets: tuple[
        Literal["minute", "quotes", "news", "corporate_actions", "options", "macro", "vix"], ...
    ]
    macro_series: tuple[str, ...]
    macro_vintages: tuple[str, ...]
    index_symbol: str
    etfs: tuple[str, ...]
    alpaca: VendorConfig
    massive: VendorConfig
    fred: VendorConfig
    cboe: VendorConfig


class VolumeBreaksConfig(Section):
    """When a level of minute volume counts as another feed, not another market."""

    sessions: int = Field(ge=2)
    factor: float = Field(gt=1)
    min_symbols: Count
    min_share: float = Field(gt=0, le=1)


class SpreadsConfig(Section):
    """Half-spreads by time of the session: buckets, and the model where quotes are few."""

    bucket_minutes: int = Field(ge=1, le=390)
    high_quantile: float = Field(gt=0.5, lt=1)
    min_quotes: Count
    model_sessions: int = Field(ge=2)
    model_reference_bps: Positive
    model_open_excess: float = Field(ge=0)
    model_close_excess: float = Field(ge=0)
    model_decay_minutes: Positive


class BarsConfig(Section):
    """What cleaning refuses or withholds, and how the quality of bars is judged."""

    suspect_jump_ratio: float = Field(gt=1)
    volume_breaks: VolumeBreaksConfig
    spreads: SpreadsConfig


class RegimesConfig(Section):
    """Bands and price rules of `regimes.market`."""

    low_below: Positive
    high_from: Positive
    crash_above: Positive
    down_sessions: Count
    crash_window_sessions: Count
    crash_drop_frac: float = Field(lt=0)
    recovery_rise_frac: Positive
    recovery_confirm_sessions: Count
    recovery_within_sessions: Count
    recovery_max_sessions: Count
    episode_calm_sessions: Count
    vix_missing_max_sessions: Count
    proxy_window_sessions: int = Field(ge=5)
    proxy_intercept: float
    proxy_slope: Positive


class RareEvent(Section):
    """One named crisis period of the catalogue."""

    event: str
    first_date: date
    last_date: date
    regime: Literal["crash", "recovery", "high_volatility"]
    weight: Fraction


class MemoryConfig(Section):
    """The rare-event catalogue."""

    catalogue_version: str
    events: tuple[RareEvent, ...]

    @model_validator(mode="after")
    def _events_lie_apart(self) -> "MemoryConfig":
        ordered = sorted(self.events, key=lambda event: event.first_date)
        for event in ordered:
            if event.last_date < event.first_date:
                raise ValueError(f"{event.event} ends before it begins; swap its dates")
        for earlier, later in pairwise(ordered):
            if later.first_date <= earlier.last_date:
                raise ValueError(
                    f"{earlier.event} and {later.event} overlap; a session belongs to one event"
                )
        return self


class IntradayFeaturesConfig(Section):
    """Windows of the features of intraday bars; every window of a grid is a column."""

    atr_bars: tuple[Count, ...]
    rsi_bars: tuple[Count, ...]
    stoch_rsi_bars: tuple[tuple[Count, Count, Count], ...]
    bollinger_bars: tuple[Count, ...]
    macd_bars: tuple[tuple[Count, Count, Count], ...]
    obv_bars: tuple[Count, ...]
    mfi_bars: tuple[Count, ...]
    volatility_bars: tuple[Count, ...]
    volume_sessions: Count
    profile_sessions: Count
    profile_bin_bps: Positive
    opening_range_minutes: Count
    max_gap_sessions: Count


class FeaturesConfig(Section):
    """Grids of indicator windows, what selection drops, and a user's own features.

    Every window of a grid is a column; a trial picks columns. `module` is the path of a Python
    file with features of the user's, empty for none.
    """

    module: str
    rsi_sessions: tuple[int, ...]
    atr_sessions: tuple[int, ...]
    bollinger_sessions: tuple[int, ...]
    sma_sessions: tuple[int, ...]
    macd_sessions: tuple[tuple[int, int, int], ...]
    etf_flow_symbols: tuple[str, ...]
    adx_sessions: tuple[int, ...]
    cci_sessions: tuple[int, ...]
    trend_sessions: tuple[int, ...]
    range_sessions: tuple[int, ...]
    flow_sessions: tuple[int, ...]
    max_selected: Count
    max_missing_frac: Fraction
    max_correlation: Fraction
    intraday: IntradayFeaturesConfig
    unstable_z: Positive
    use_importance: bool


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


class SamplingConfig(Section):
    """Target mix and weights of the training set, by regime."""

    balance: bool
    mix: dict[str, Fraction]
    weights: dict[str, Positive]
    max_repeats: Count
    use_archive: bool
    use_uniqueness: bool


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
    """The machine. Threads never change a result; they only change its speed."""

    threads: Count
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
    backtest: BacktestConfig
    gate: GateConfig
    drift: DriftConfig
    selloffs: SelloffsConfig
    tracking: TrackingConfig
    runtime: RuntimeConfig
