"""What a fold is judged by leaves no trace in what the assets fitted for it.

A copy of a finished home is changed in two source tables, from the opening of a block on: every
label that was not closed before it is flipped, and every other symbol's features become noise.
Then the assets themselves run again, all of them, whatever they think is up to date.
"""

import shutil

import dagster as dg
import numpy as np
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.lake import Lake
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import ensemble, features
from trading_pipeline.assets.training import TrainingSpan
from trading_pipeline.automation.launch import launch
from trading_pipeline.contracts.provenance import Provenance
from trading_pipeline.contracts.vocabulary import PROVENANCE_COLUMNS
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.ensemble.baselines import MOMENTUM
from trading_pipeline.domain.splits.protocol import FINAL_BLOCK, protocol_of_record
from trading_pipeline.domain.splits.training import TrainingRows

# One worker: the home is dear to make.
pytestmark = pytest.mark.xdist_group("one home")

LEARNERS = ("lightgbm", "xgboost", "catboost")
SELECTION = ("features.selected",)
OUT_OF_FOLD = (
    *SELECTION, *(f"sweeps.{name}" for name in LEARNERS), "sweeps.trials", "sweeps.best",
    "ensemble.oof",
)  # fmt: skip
JUDGED = (*OUT_OF_FOLD, "ensemble.model", "ensemble.holdout")
STAMPS = ", ".join(PROVENANCE_COLUMNS)
STAMP = Provenance("disturbed", "", "", "", "")
FEATURE_KEYS = ("symbol", "session_date", "session", "known_at", *PROVENANCE_COLUMNS)


class Copy:
    """A copy of a finished home whose tables may be changed, and whose assets run again."""

    def __init__(self, home, folder):
        shutil.copytree(home.path, folder)
        self.path = folder
        self.warehouse = Warehouse(folder, threads=1, memory_gb=1.0)
        record = self.warehouse.read("select * from splits.protocols").iloc[-1]
        self.protocol = protocol_of_record(record.to_dict())
        self.blocks = self.protocol.blocks

    def flip_labels(self, opens):
        """Flip every label that ends in or after a session, and what was earned with it."""
        with self.warehouse.writer() as connection:
            connection.execute(
                "update labels.direction set label = 1 - label,"
                " excess_return_frac = -excess_return_frac,"
                " forward_return_frac = -forward_return_frac where end_session >= $opens",
                {"opens": opens},
            )

    def garble_features(self, opens):
        """Replace every other symbol's features from a session on by noise of their own size."""
        frame = self.warehouse.read("from features.daily order by symbol, session")
        hidden = (frame["session"] >= opens) & frame["symbol"].isin(self.garbled())
        rng = np.random.default_rng(opens)
        for name in frame.columns.difference(FEATURE_KEYS):
            values = frame[name].astype("float64")
            noise = 3 * values.std() * rng.standard_normal(len(frame))
            frame[name] = np.where(hidden, noise, values)
        frame = frame.drop(columns=list(PROVENANCE_COLUMNS))
        Lake(self.warehouse).write_frame("features.daily", frame, STAMP)

    def garbled(self):
        """The symbols whose features become noise."""
        rows = self.warehouse.read("select distinct symbol from labels.direction order by symbol")
        return rows["symbol"].tolist()[::2]

    def run(self, tables):
        """Run assets, each anew."""
        definitions = build_definitions(self.path)
        chosen = dg.AssetSelection.assets(*[name.split(".") for name in tables])
        job = dg.define_asset_job("again", chosen)
        whole = dg.Definitions.merge(definitions, dg.Definitions(jobs=[job]))
        version = ConfigStore(self.path).load().version
        with dg.DagsterInstance.ephemeral() as instance:
            done = launch(
                whole, "again", instance, home=self.path, config_version=version, is_forced=True
            )
        assert done.is_success, done.error
        return self

    def content(self, table):
        """The hash of a table's rows."""
        return self.warehouse.content_hash(table, where="true")

    def fitted(self, opens):
        """Everything fitted before a session, and the scores of rows left alone, by name.

        A block's fits end where it opens, and so do those of all blocks before it.
        """
        blocks = [block for block in self.blocks if self.protocol.opens[block] <= opens]
        asked = {"blocks": blocks, "garbled": self.garbled()}
        own, seen = "list_contains($blocks, block)", "not list_contains($garbled, symbol)"
        found = {
            "selected features": f"select * exclude ({STAMPS}) from features.selected where {own}",
            "trials": f"select * exclude (seconds, {STAMPS}) from sweeps.trials where {own}",
            "best trials": f"select * exclude ({STAMPS}) from sweeps.best where {own}",
            "out-of-fold scores": "select symbol, session, block, learner, oof_probability"
            f" from ensemble.oof where {own} and (session < $opens or {seen})",
        }
        if FINAL_BLOCK in blocks:
            found["judged model"] = "select member, sha256, n_rows from ensemble.model"
            # A place within the session rests on the others of that session, and may.
            found["hold-out scores"] = (
                "select symbol, session, learner, probability from ensemble.holdout"
                f" where {seen} and learner <> '{MOMENTUM}'"
            )
        asked["opens"] = opens
        rows = {}
        for name, sql in found.items():
            used = {key: value for key, value in asked.items() if f"${key}" in sql}
            rows[name] = self.warehouse.read(f"from ({sql}) order by all", used)
            assert len(rows[name]), name
        return rows


# Each disturbance is tried on one cut; the other two pairs take their time.
GARBLED_TOO = pytest.param(Copy.garble_features, marks=pytest.mark.long)
FLIPPED_TOO = pytest.param(Copy.flip_labels, marks=pytest.mark.long)


def changed(base, other):
    """Return what is not the same to the bit."""
    return [name for name, rows in base.items() if not rows.equals(other[name])]


@pytest.fixture
def copy(finished, tmp_path):
    return Copy(finished, tmp_path / "home")


def opens_last(copy):
    """Where the last out-of-fold block opens."""
    return max(at for block, at in copy.protocol.opens.items() if block != FINAL_BLOCK)


@pytest.mark.parametrize("disturb", [Copy.flip_labels, GARBLED_TOO])
def test_a_test_block_leaves_no_trace_in_what_was_fitted_for_it(copy, disturb):
    opens = opens_last(copy)
    base, scored = copy.fitted(opens), copy.content("ensemble.oof")
    disturb(copy, opens)
    assert changed(base, copy.run(OUT_OF_FOLD).fitted(opens)) == []
    # What was disturbed is read: the block's own rows are others now.
    assert copy.content("ensemble.oof") != scored


@pytest.mark.parametrize("disturb", [FLIPPED_TOO, Copy.garble_features])
def test_the_hold_out_leaves_no_trace_in_the_judged_model(copy, disturb):
    opens = copy.protocol.holdout_opens
    base, scored = copy.fitted(opens), copy.content("ensemble.holdout")
    disturb(copy, opens)
    assert changed(base, copy.run(JUDGED).fitted(opens)) == []
    assert copy.content("ensemble.holdout") != scored


class EveryRowSelects(TrainingSpan):
    """Features are chosen once, on every row."""

    def selection_rows(self, _block):
        return np.arange(len(self.panel.rows))


class NothingIsPurged(TrainingSpan):
    """Every row drawn before the block trains for it, though its label ends inside the block."""

    def candidates(self, block):
        rows = np.flatnonzero(self.panel.rows["session"].to_numpy() < self.opens[block])
        return TrainingRows(rows, np.full(rows.size, None, dtype=object))

    def check_purged(self, block, rows):
        """Look away."""


@pytest.mark.parametrize(
    ("leak", "module", "tables", "shown"),
    [
        pytest.param(
            EveryRowSelects, features, SELECTION, "selected features", marks=pytest.mark.long
        ),
        (NothingIsPurged, ensemble, ("ensemble.oof",), "out-of-fold scores"),
    ],
)
def test_a_leak_planted_in_an_asset_is_seen(copy, monkeypatch, leak, module, tables, shown):
    monkeypatch.setattr(module, "TrainingSpan", leak)
    opens = opens_last(copy)
    base = copy.run(tables).fitted(opens)
    copy.flip_labels(opens)
    assert changed(base, copy.run(tables).fitted(opens)) == [shown]
