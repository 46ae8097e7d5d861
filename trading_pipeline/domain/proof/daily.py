"""Daily features as a study: how they are built from cleaned frames, or from delivered rows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from trading_pipeline.domain.features.daily import EVENT_TABLES, compute_daily_features
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.proof.future import Frames, Study
from trading_pipeline.domain.proof.market import ProofMarket

KEYS = ("symbol", "session")


@dataclass(frozen=True)
class DailyBuild:
    """The daily build as a trial calls it: frames in, the features named out."""

    registry: tuple[Feature, ...]

    def __call__(self, frames: Frames, names: Sequence[str] | None) -> pd.DataFrame:
        """Return features.daily with the columns named, all of them for None."""
        chosen = self.registry
        if names is not None:
            chosen = tuple(feature for feature in self.registry if feature.name in set(names))
        events = {name: frames[name] for name in EVENT_TABLES if name in frames}
        return compute_daily_features(
            frames["bars"],
            frames["universe"],
            frames["regimes"],
            frames["vix"],
            frames["sectors"],
            chosen,
            events,
        ).frame()


@dataclass(frozen=True)
class RawBuild:
    """The whole way from delivered rows to features: cleaning, universe and regimes included."""

    market: ProofMarket
    registry: tuple[Feature, ...]

    def __call__(self, frames: Frames, names: Sequence[str] | None) -> pd.DataFrame:
        """Return features.daily of the delivered frames given."""
        delivered = replace(
            self.market,
            raw=frames["raw"],
            actions=frames["actions"],
            vix=frames["vix"],
            events={name: frames[name] for name in self.market.events},
        )
        return DailyBuild(self.registry)(delivered.cleaned(), names)


def daily_study(
    frames: Frames,
    registry: tuple[Feature, ...],
    instants: pd.DatetimeIndex,
    tolerance: float = 0.0,
) -> Study:
    """Return the study of daily features over cleaned frames, judged at the sessions' ends."""
    return Study(frames, DailyBuild(registry), KEYS, instants, "sessions", tolerance)


def raw_study(market: ProofMarket, registry: tuple[Feature, ...]) -> Study:
    """Return the study of daily features over what a vendor delivered."""
    frames = {"raw": market.raw, "actions": market.actions, "vix": market.vix, **market.events}
    return Study(frames, RawBuild(market, registry), KEYS, market.decisions, "sessions")
