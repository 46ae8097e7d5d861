"""The shape of the settings of the data: sources, bars, regimes, memory and features.

Every field acts. An unknown key is refused, with its place in the file.
"""

from datetime import date
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A group of settings: immutable, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SimulationConfig(Section):
    """The market that source `simulated` makes."""

    n_symbols: int = Field(ge=4, le=2000)
    n_sessions: int = Field(ge=60, le=7000)
    first_session: date
    seed: int = Field(ge=0)
    signal: Literal["none", "linear", "interaction", "regime", "falls"]
    oracle_auc: float = Field(ge=0.5, le=0.95)
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


class ProposalsConfig(Section):
    """When a spell of stress is rare enough to be proposed for the catalogue."""

    quantile: float = Field(gt=0.5, lt=1)
    min_past_spells: Count
    weight: Fraction


class MemoryConfig(Section):
    """The rare-event catalogue: the shipped events, a user's own, and what is proposed."""

    catalogue_version: str
    events: tuple[RareEvent, ...]
    own_events: tuple[RareEvent, ...]
    proposals: ProposalsConfig

    @property
    def catalogue(self) -> tuple[RareEvent, ...]:
        """Every event, oldest first."""
        return tuple(sorted((*self.events, *self.own_events), key=lambda event: event.first_date))

    @model_validator(mode="after")
    def _events_lie_apart(self) -> "MemoryConfig":
        ordered = self.catalogue
        names = [event.event for event in ordered]
        if len(set(names)) < len(names):
            raise ValueError("two rare events share a name; rename one of memory.own_events")
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
    rank_within_session: bool
