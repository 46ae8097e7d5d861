"""The planted leaks by name: each must be caught, or the trial that should do so is broken."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd

from trading_pipeline.domain.proof.daily import daily_study
from trading_pipeline.domain.proof.finding import Finding
from trading_pipeline.domain.proof.future import Frames, Progress, Study, future_findings
from trading_pipeline.domain.proof.intraday import INTRADAY_BARS
from trading_pipeline.domain.proof.market import ProofMarket
from trading_pipeline.domain.proof.planted_features import planted_features, single_candle_leak
from trading_pipeline.domain.proof.planted_tables import (
    revised_macro,
    shifted_time_zone,
    unclosed_bar_join,
)
from trading_pipeline.domain.proof.planted_training import PLANTED_PATHS
from trading_pipeline.domain.proof.training_market import TrainingMarket
from trading_pipeline.domain.proof.training_path import TriedPath
from trading_pipeline.domain.proof.training_trials import training_findings

Trial: TypeAlias = Callable[[Progress], list[Finding]]
# The names of the standards, in their order.
TWENTY = (
    "future bar",
    "centred window",
    "full-sample scaler",
    "back-fill",
    "full-sample rank",
    "back-adjusted price level",
    "revised macro",
    "resample labelled on the wrong side",
    "time-zone shift",
    "full-sample regime",
    "survivor universe",
    "scaling before split",
    "selection before split",
    "target encoding on all rows",
    "search on test",
    "early stop on test",
    "in-fold stacking",
    "shared-OOF stacking",
    "calibration on test",
    "no purge",
)
# What users of other programs report as missed.
MISSED_ELSEWHERE = ("single-candle leak", "as-of join onto an unclosed bar")


@dataclass(frozen=True)
class PlantedLeak:
    """A known mistake, and the trial that must show it; the trial tells of each step."""

    name: str
    trial: Trial


def planted_leaks(
    market: ProofMarket, frames: Frames, training: TrainingMarket
) -> tuple[PlantedLeak, ...]:
    """Return the twenty leaks of the standards and two more, in this order.

    Args:
        market: The made market.
        frames: Its cleaned frames.
        training: Its labelled rows, on which paths are tried.
    """
    trials: dict[str, Trial] = {}
    moments = market.moments()

    def in_study(study: Study, dense: pd.DatetimeIndex | None = None) -> Trial:
        if dense is None:
            return lambda step: future_findings(study, moments, on_step=step)
        return lambda step: future_findings(study, (), dense, on_step=step)

    def in_path(path: type[TriedPath]) -> Trial:
        return lambda step: training_findings(
            training, training.procedure(path), is_enough=True, on_step=step
        )

    for feature in planted_features():
        trials[feature.name] = in_study(daily_study(frames, (feature,), market.decisions))
    trials["revised macro"] = in_study(revised_macro(market))
    trials["time-zone shift"] = in_study(shifted_time_zone(market))
    trials |= {name: in_path(path) for name, path in PLANTED_PATHS.items()}
    one_candle = daily_study(frames, (single_candle_leak(),), market.decisions)
    trials["single-candle leak"] = in_study(one_candle, market.decisions[1:-1])
    join = unclosed_bar_join(market)
    trials["as-of join onto an unclosed bar"] = in_study(join, join.instants[-INTRADAY_BARS:-1:7])
    return tuple(PlantedLeak(name, trials[name]) for name in (*TWENTY, *MISSED_ELSEWHERE))
