"""What the training assets share: the protocol in force, the panel of rows, and their staleness."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trading_pipeline.assets.service import recipe_features, roles, usable
from trading_pipeline.domain.ensemble.baselines import BASELINE_FEATURES
from trading_pipeline.domain.ensemble.fitting import check_learners
from trading_pipeline.domain.ensemble.path import TrainingPath
from trading_pipeline.domain.ensemble.stack import STACK
from trading_pipeline.domain.ensemble.training import Panel, Rows, TrainingSet
from trading_pipeline.domain.features.registry import feature_registry
from trading_pipeline.domain.features.session_ranks import rankable, ranked_within_session
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, Protocol, protocol_of_record
from trading_pipeline.resources import StageRun

# What rules the choice of training rows, in every asset that fits.
TRAINING_SETTINGS = (
    "splits",
    "sampling",
    "memory.events",
    "memory.own_events",
    "labels",
    "runtime.device",
)
TRAINING_READS = (
    "features.daily",
    "labels.direction",
    "regimes.market",
    "memory.archive",
    "splits.folds",
)


def protocol_in_force(run: StageRun) -> Protocol:
    """Return the protocol of `splits.holdout`."""
    record = run.read(
        "select protocols.* from splits.protocols as protocols"
        " join splits.holdout using (protocol_id) order by created_at desc limit 1"
    ).iloc[0]
    return protocol_of_record({str(name): value for name, value in record.items()})


def training_fingerprint(run: StageRun, *uses: str) -> Mapping[str, str]:
    """Return the contents of the training span alone, and of the smaller tables ``uses``.

    Bars after the hold-out begins change nothing here, so a longer history retrains nothing.
    """
    protocol = protocol_in_force(run)
    start = protocol.holdout_start
    return {
        "protocol": protocol.protocol_id,
        "features": run.hash("features.daily", "session_date < $start", start=start),
        "labels": run.hash("labels.direction", "end_date < $start", start=start),
        "regimes": run.hash("regimes.market", "session_date < $start", start=start),
        **{table: run.hash(table) for table in uses},
    }


@dataclass(frozen=True, eq=False)
class TrainingSpan(TrainingPath):
    """The training path over the home's tables before the hold-out."""

    run: StageRun

    @classmethod
    def load(cls, run: StageRun, *, every_feature: bool = False) -> "TrainingSpan":
        """Read the training span of the protocol in force, once a run.

        With the features that models use; before any is chosen, `every_feature`. Raises InputError
        where a learner needs what is not installed.
        """
        check_learners(run.config.sweeps.learners)
        protocol = protocol_in_force(run)
        registry = feature_registry(run.config.features, run.feature_module())
        features = sorted(feature.name for feature in registry)
        if not every_feature:
            used = modelled_features(run)
            features = [name for name in features if name in used]
        last = pd.Timestamp(protocol.holdout_start) - pd.Timedelta(days=1)
        is_ranked = run.config.features.rank_within_session
        ranked = rankable(registry) if is_ranked else frozenset()
        panel = run.remember(
            "training panel",
            (dict(training_fingerprint(run, "memory.rare_events")), features, sorted(ranked)),
            lambda: load_panel(run, pd.Timestamp(protocol.train_start), last, features, ranked),
        )
        return cls(run.config, protocol, panel, load_archive_keys(run), registry, run)

    def selected(self, block: int) -> list[str]:
        """Return the features that a block's models may use."""
        rows = self.run.read(
            "select feature from features.selected where block = $block and is_selected",
            block=block,
        )
        known = set(rows["feature"])
        return [name for name in self.panel.X.columns if name in known]

    def tested(self, block: int) -> Rows:
        """Return the panel's rows that the fold table gives a block to test."""
        return self.tested_rows(
            self.run.read(
                "select symbol, session_date from splits.folds"
                " where fold = $block and role = 'test'",
                block=block,
            )
        )

    def final_training_set(self) -> TrainingSet:
        """Return the rows that fit the judged model; of the errors, those before the hold-out."""
        earlier = None
        if self.config.sampling.use_replay:
            oof = self.run.table("ensemble.oof")
            earlier = oof[oof["learner"] != STACK]
        return self.training_set(FINAL_BLOCK, earlier)


def load_panel(
    run: StageRun,
    first_date: pd.Timestamp,
    last_date: pd.Timestamp,
    features: Sequence[str],
    ranked: Collection[str],
) -> Panel:
    """Read the labelled rows of decisions between two dates, both ends included.

    The features named in `ranked` are ranks among all equities of their session.
    Features come year by year into one float32 matrix, so that nothing stands in memory twice.
    """
    rows = run.query("ensemble/panel", first_date=first_date, last_date=last_date)
    place_of = pd.MultiIndex.from_frame(rows[["symbol", "session"]])
    values = np.full((len(rows), len(features)), np.nan, dtype=np.float32)
    for year in range(first_date.year, last_date.year + 1):
        part = read_features(
            run,
            max(first_date, pd.Timestamp(year, 1, 1)),
            min(last_date, pd.Timestamp(year, 12, 31)),
            features,
            ranked,
        )
        places = place_of.get_indexer(pd.MultiIndex.from_frame(part[["symbol", "session"]]))
        held = places >= 0
        for column, name in enumerate(features):
            values[places[held], column] = part[name].to_numpy(np.float32)[held]
    return Panel(rows, pd.DataFrame(values, columns=list(features), copy=False))


def read_features(
    run: StageRun,
    first_date: pd.Timestamp,
    last_date: pd.Timestamp,
    features: Sequence[str],
    ranked: Collection[str],
) -> pd.DataFrame:
    """Read features as models see them, for training and for live predictions alike.

    One row per equity and session; those named in `ranked` are ranks within the session.
    """
    part = run.query(
        "ensemble/panel_features",
        first_date=first_date,
        last_date=last_date,
        features=list(features),
    )
    return ranked_within_session(part, ranked)


def modelled_features(run: StageRun) -> set[str]:
    """Return every feature that a model of this run reads, or one in service does."""
    chosen = run.read("select distinct feature from features.selected where is_selected")
    used = {*chosen["feature"], *BASELINE_FEATURES}
    for version in filter(None, (usable(run, held) for held in roles(run).values())):
        used.update(recipe_features(run, version))
    return used


def load_archive_keys(run: StageRun) -> pd.DataFrame | None:
    """Read who is in the archive; None where the settings leave it out."""
    if not run.config.sampling.use_archive:
        return None
    return run.read("select event, symbol, session from memory.archive")
