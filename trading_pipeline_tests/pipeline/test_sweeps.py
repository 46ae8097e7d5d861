"""A learner's asset: it goes on after a kill, starts from what is in service, and never flips."""

import json
import shutil
from dataclasses import replace

import dagster as dg
import duckdb
import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import explanations as explanations_module
from trading_pipeline.assets.splits import holdout
from trading_pipeline.assets.sweeps import lightgbm
from trading_pipeline.commands.service import prepare_retrain
from trading_pipeline.definitions import build_definitions
from trading_pipeline.domain.splits.protocol import protocol_of_record, with_id
from trading_pipeline.domain.sweeps import trial as trial_module
from trading_pipeline.resources import PipelineResource

# One worker: the tests share what is dear to make.
pytestmark = pytest.mark.xdist_group("one home")

TABLE = "sweeps.lightgbm"
COLD = {"n_trials": 4, "trials_per_round": 2, "canary_min_auc": 0.0}
WARM = COLD | {"n_new_trials": 2}


class Killed(BaseException):
    """What no code of the program catches."""


class Learner:
    """The asset of one learner over a copy of a finished home."""

    def __init__(self, path):
        self.path = path

    def search(self, *, is_forced=False, **settings):
        """Materialize the asset alone; return its table, or None where it was up to date."""
        store = ConfigStore(self.path)
        config = store.load("").config
        store.save(config.model_copy(update={"sweeps": config.sweeps.model_copy(update=settings)}))
        before = self.written
        resources = dict(build_definitions(self.path).resources or {})
        resources["pipeline"] = PipelineResource(home=str(self.path), is_forced=is_forced)
        dg.materialize([lightgbm], resources=resources)
        return None if self.written == before else self.table

    @property
    def warehouse(self):
        return Warehouse(self.path, threads=1, memory_gb=1.0)

    @property
    def written(self):
        return self.warehouse.latest_materialization(TABLE)

    @property
    def table(self):
        rows = self.warehouse.read(f"select * from {TABLE} order by block, trial")
        return rows.drop(columns=["seconds", "run_id", "config_version", "data_version"])

    @property
    def told(self):
        return json.loads(self.written.metadata_json)

    @property
    def journals(self):
        return sorted((self.path / "sweeps").rglob("*.journal"))

    def change(self, sql, *values):
        with duckdb.connect(str(self.path / "warehouse.duckdb")) as connection:
            connection.execute(sql, list(values))


@pytest.fixture(scope="module")
def cold(finished, tmp_path_factory):
    """A finished home after a cold search of several trials."""
    learner = Learner(tmp_path_factory.mktemp("sweeps") / "home")
    shutil.copytree(finished.path, learner.path)
    assert learner.search(**COLD) is not None
    return learner


@pytest.fixture
def learner(cold, tmp_path):
    shutil.copytree(cold.path, tmp_path / "home")
    return Learner(tmp_path / "home")


def test_workers_and_storage_make_nothing_stale_and_no_journal_is_left(learner):
    assert learner.search() is None
    assert learner.search(workers=3) is None
    assert learner.journals == []


@pytest.mark.long
def test_a_search_that_was_killed_goes_on_at_its_asset(learner, cold, monkeypatch):
    real, made = trial_module.new_learner, []

    def deadly(*args, **kwargs):
        made.append(args)
        if len(made) == 4:
            raise Killed
        return real(*args, **kwargs)

    learner.change(f"delete from {TABLE}")
    learner.change("delete from provenance.materializations where asset = ?", TABLE)
    monkeypatch.setattr(trial_module, "new_learner", deadly)
    with pytest.raises(Killed):
        learner.search()
    assert len(learner.journals) == 1
    pd.testing.assert_frame_equal(learner.search(), cold.table)
    assert learner.told["trials kept of a killed run"] == 1
    assert learner.journals == []


def test_a_new_protocol_starts_from_the_last_one_and_repeating_it_changes_nothing(learner):
    warehouse = learner.warehouse
    record = warehouse.read(
        "select protocols.* from splits.protocols as protocols"
        " join splits.holdout using (protocol_id)"
    ).iloc[0]
    new = protocol_of_record({str(name): value for name, value in record.items()})
    old = with_id(replace(new, holdout_start=new.block_starts[-1]))
    created = record["created_at"] - pd.Timedelta(days=90)
    warehouse.append("splits.protocols", pd.DataFrame([{**old.record(), "created_at": created}]))
    # The last search belongs to the old protocol, and its last trials won.
    learner.change(
        f"update {TABLE} set sweep_id = replace(sweep_id, ?, ?),"
        " auc = case when trial = 3 then 0.9 else auc end, state = 'complete'",
        new.protocol_id,
        old.protocol_id,
    )
    won = learner.table[learner.table["trial"] == 3]
    warm = learner.search(**WARM)
    assert learner.told["starts from"] == f"best of protocol {old.protocol_id}"
    plan = ["default", "incumbent", "sampler", "sampler"]
    assert warm.groupby("block")["origin"].agg(list).tolist() == [plan] * warm["block"].nunique()
    started = warm[warm["origin"] == "incumbent"]
    assert started["params_json"].tolist() == won["params_json"].tolist()
    # What is in service has changed since; a search that is up to date stays so.
    assert learner.search() is None
    pd.testing.assert_frame_equal(learner.search(is_forced=True), warm)
    assert learner.told["starts from"] == "as in the last search"


def test_renewing_the_protocol_forgets_no_earlier_one(learner):
    prepare_retrain(learner.path, "", set_and_forget=False, renew_protocol=True)
    assert len(learner.warehouse.read("select * from splits.protocols")) == 1
    assert learner.warehouse.latest_materialization("splits.holdout") is None
    dg.materialize([holdout], resources=build_definitions(learner.path).resources)
    # The same bars make the same protocol: it is stored once.
    assert len(learner.warehouse.read("select * from splits.protocols")) == 1
    assert learner.warehouse.latest_materialization("splits.holdout") is not None


def test_learners_without_contributions_leave_explanations_empty_and_say_why(learner, monkeypatch):
    monkeypatch.setattr(explanations_module, "NATIVE", ("mlp",))
    resources = dict(build_definitions(learner.path).resources or {})
    resources["pipeline"] = PipelineResource(home=str(learner.path), is_forced=True)
    dg.materialize([explanations_module.explanations], resources=resources)
    assert learner.warehouse.read("select * from ensemble.explanations").empty
    told = learner.warehouse.latest_materialization("ensemble.explanations").metadata_json
    assert "gives contributions of its own" in told
