"""The rows on which training paths are tried: the made market, labelled, with a few features."""

from dataclasses import dataclass

import pandas as pd

from trading_pipeline.contracts.config import PipelineConfig
from trading_pipeline.domain.ensemble.labelled import labelled_rows
from trading_pipeline.domain.features.registry import Feature
from trading_pipeline.domain.labels.direction import label_direction
from trading_pipeline.domain.proof.daily import DailyBuild
from trading_pipeline.domain.proof.future import Frames
from trading_pipeline.domain.proof.training_path import (
    TrainingInputs,
    TrainingProcedure,
    TriedPath,
    run_path,
)

MIN_SYMBOLS = 4
HORIZON_SESSIONS = 5
FEATURES = (
    *("return_5", "return_20", "return_60", "volatility_20", "rank_return_20", "drawdown_20"),
    *("rsi_7", "rsi_14", "rsi_21", "vix_level"),
)


@dataclass(frozen=True)
class TrainingMarket:
    """Bars whose labels are trained on, and the rows' features."""

    bars: pd.DataFrame
    universe: pd.DataFrame
    features: pd.DataFrame
    regimes: pd.DataFrame
    registry: tuple[Feature, ...]
    config: PipelineConfig

    def inputs(self, bars: pd.DataFrame | None = None) -> TrainingInputs:
        """Return labelled rows and the archive's keys; labels are those of other bars if given."""
        labels = label_direction(
            self.bars if bars is None else bars, self.universe, self.config.labels, MIN_SYMBOLS
        )
        return TrainingInputs(
            *labelled_rows(labels, self.regimes, self.features, self.config.memory)
        )

    def procedure(self, kind: type[TriedPath] = TriedPath) -> TrainingProcedure:
        """Return a kind of path as a procedure: inputs in, the outcome of every block out."""
        return lambda inputs: run_path(kind, inputs, self.config, self.registry)


def training_market(
    frames: Frames, registry: tuple[Feature, ...], config: PipelineConfig
) -> TrainingMarket:
    """Return the rows of a market's cleaned frames, with settings under which a path is fast.

    Three blocks and a hold-out, short labels, two trials of two small learners.
    """
    chosen = tuple(feature for feature in registry if feature.name in FEATURES)
    features = DailyBuild(chosen)(frames, None)
    return TrainingMarket(
        bars=frames["bars"],
        universe=frames["universe"],
        features=features,
        regimes=frames["regimes"],
        registry=chosen,
        config=_fast(config),
    )


def _fast(config: PipelineConfig) -> PipelineConfig:
    changes = {
        "splits": {"n_folds": 3, "holdout_sessions": 60, "embargo_sessions": HORIZON_SESSIONS},
        "labels": {"horizon_sessions": HORIZON_SESSIONS},
        "sweeps": {
            "n_trials": 2,
            "inner_folds": 2,
            "every_nth_session": 2,
            "max_rounds": 8,
            "learners": ("lightgbm", "xgboost"),
        },
        # Whatever a user may switch on is tried.
        "sampling": {"balance": True, "use_archive": True, "use_weights": True},
        "ensemble": {"max_rounds": 8, "meta_learner": "logistic"},
        "runtime": {"threads": 1},
    }
    sections = {
        name: getattr(config, name).model_copy(update=update) for name, update in changes.items()
    }
    return config.model_copy(update=sections)
