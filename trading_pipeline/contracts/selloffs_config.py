"""Settings of the selloff scanner: falls, the trade rule, its model, the live scan, the broker."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trading_pipeline.contracts.data_config import Count, Fraction, Positive, Section

Minutes = Annotated[int, Field(ge=0)]
SelloffLearner = Literal[
    "xgboost",
    "lightgbm",
    "catboost",
    "gradient_boosting",
    "random_forest",
    "extra_trees",
    "mlp",
    "logistic",
    "svm",
]


class TradeRuleConfig(Section):
    """How a fall is traded on paper, and what that costs."""

    delays_minutes: tuple[Minutes, ...]
    verdict_delay_minutes: Minutes
    last_entry_minutes: Minutes
    stop_below_low_frac: float = Field(ge=0, lt=1)
    stop_rung_share: float = Field(gt=0, le=1)
    target_share: float = Field(gt=0, le=1)
    hold_bucket_minutes: tuple[Count, ...] = Field(min_length=1)
    capital_usd: Positive
    risk_frac: float = Field(gt=0, le=1)
    max_position_frac: float = Field(gt=0, le=1)
    commission_per_share_usd: float = Field(ge=0)
    commission_min_usd: float = Field(ge=0)
    slippage_bps: float = Field(ge=0)
    impact_bps: float = Field(ge=0)
    max_volume_frac: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _verdict_is_shown(self) -> Self:
        if self.verdict_delay_minutes not in self.delays_minutes:
            raise ValueError("delays_minutes must hold verdict_delay_minutes")
        return self


class RiskTier(Section):
    """From this calibrated probability on, so many risk units."""

    probability: Fraction
    risk: float = Field(ge=0, le=1)


class SelloffModelConfig(Section):
    """The model of falls: who learns, how it is judged, how much it may risk."""

    learners: tuple[SelloffLearner, ...] = Field(min_length=1)
    balance: bool
    use_replay: bool
    n_folds: int = Field(ge=2, le=20)
    holdout_frac: float = Field(gt=0, lt=0.9)
    max_rounds: Count
    calibration: Literal["platt", "isotonic"]
    selected_frac: float = Field(gt=0, lt=1)
    min_events: Count
    min_sessions: Count
    min_accuracy: Fraction
    min_gain_r: float
    min_gain_frac: float = Field(ge=0)
    tiers: tuple[RiskTier, ...]
    seed: int = Field(ge=0)


class SelloffBacktestConfig(Section):
    """How both scanners are compared."""

    block_sessions: Count
    bootstrap_samples: int = Field(ge=50)
    interval_sd: Positive
    min_trades: Count
    cost_multiples: tuple[Annotated[float, Field(ge=0)], ...]
    seed: int = Field(ge=0)


class SelloffsConfig(Section):
    """Falls past a rung: which count, what is asked of their bars, how they are traded."""

    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(min_length=1)
    late_open_minutes: Minutes
    halt_minutes: Count
    lone_tick_frac: Fraction
    volume_curve_sessions: Count
    trade: TradeRuleConfig
    model: SelloffModelConfig
    backtest: SelloffBacktestConfig


class NotifyConfig(Section):
    """Who is told of an alert. Passwords stand in the environment, never here."""

    log: bool
    min_risk_tier: float = Field(ge=0, le=1)
    webhook_url: str
    email_to: tuple[str, ...]
    email_from: str
    smtp_host: str
    smtp_port: int = Field(ge=1, le=65535)
    timeout_seconds: Positive


class ScanConfig(Section):
    """Which symbols the live scanner watches, and when it no longer trusts its bars."""

    max_symbols: Count
    min_tech_rating: float = Field(ge=0, le=100)
    min_dollar_volume: float = Field(ge=0)
    sectors: tuple[str, ...]
    industries: tuple[str, ...]
    lookback_days: Count
    poll_seconds: Positive
    stale_after_seconds: Positive
    gap_minutes: Count
    max_missing_minutes: Minutes
    notify: NotifyConfig


class BrokerConfig(Section):
    """The paper broker: off by default, its host pinned to paper."""

    enabled: bool
    base_url: str
    timeout_seconds: Positive
    max_retries: int = Field(ge=0, le=20)
    max_open_positions: Count
    daily_loss_limit_r: Positive
    flatten_minutes: Minutes
