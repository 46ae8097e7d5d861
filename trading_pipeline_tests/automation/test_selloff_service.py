"""The model of falls in service: its own roles in the ledger, its own champion, loaded for use."""

import pandas as pd
import pytest

from trading_pipeline.adapters.config_store import ConfigStore
from trading_pipeline.adapters.model_store import save_members
from trading_pipeline.adapters.warehouse import Warehouse
from trading_pipeline.assets import all_assets
from trading_pipeline.assets.service import put_in_shadow, roles
from trading_pipeline.automation.jobs import FALLS as DAILY_FALLS
from trading_pipeline.commands.selloff_models import load_fall_models
from trading_pipeline.commands.service import promote_challenger, roll_back
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.domain.gate.decisions import FALLS, service_roles
from trading_pipeline.settings import load_settings
from trading_pipeline_tests.domain.test_selloffs_model import MADE, panel_of, training_of

SETTINGS = load_settings(flags={"tracking": {"enabled": False}}, environment={})


@pytest.fixture
def home(tmp_path):
    warehouse = Warehouse(tmp_path, threads=1, memory_gb=1.0, lock_wait_seconds=10)
    warehouse.migrate()
    ConfigStore(tmp_path).save(SETTINGS)
    return Staging(warehouse)


class Staging:
    """The part of a stage run that putting a challenger in shadow uses."""

    def __init__(self, warehouse):
        self.warehouse = warehouse

    def table_whole(self, name):
        return self.warehouse.read(f"select * from {name}")

    @property
    def decisions(self):
        return self.table_whole("gate.decisions")


@pytest.fixture(scope="module")
def files():
    return training_of(panel_of()).walk().judged.to_files()


def keep(home, version, files):
    members = {}
    for name, content in files.items():
        stem, _, suffix = name.rpartition(".")
        members[stem] = (f".{suffix}", content)
    save_members(home.warehouse.home, version, members)


def test_the_two_models_never_stand_in_each_others_roles(home):
    put_in_shadow(home, "daily-1", "promoted")
    put_in_shadow(home, "falls-1", "undecided", FALLS)
    assert roles(home) == {"champion": None, "shadow": "daily-1"}
    assert roles(home, FALLS) == {"champion": None, "shadow": "falls-1"}

    root = home.warehouse.home
    told = promote_challenger(root, "ann", "paper only", anyway=True, model="selloffs")
    assert "falls-1 is champion of falls" in told
    assert roles(home) == {"champion": None, "shadow": "daily-1"}
    assert roles(home, FALLS) == {"champion": "falls-1", "shadow": None}


def test_a_model_of_falls_that_did_not_pass_needs_an_override(home):
    put_in_shadow(home, "falls-1", "undecided", FALLS)
    with pytest.raises(InputError, match="override the gate"):
        promote_challenger(home.warehouse.home, "ann", "hope", anyway=False, model="selloffs")
    with pytest.raises(InputError, match="nothing to promote"):
        promote_challenger(home.warehouse.home, "ann", "hope", anyway=True)


def test_a_roll_back_of_falls_leaves_the_daily_champion(home):
    root = home.warehouse.home
    for version in ("falls-1", "falls-2"):
        put_in_shadow(home, version, "promoted", FALLS)
        promote_challenger(root, "ann", "better", anyway=True, model="selloffs")
    put_in_shadow(home, "daily-1", "promoted")
    promote_challenger(root, "ann", "first", anyway=True)
    roll_back(root, "ann", "worse", "selloffs")
    assert service_roles(home.decisions, FALLS)["champion"] == "falls-1"
    assert service_roles(home.decisions)["champion"] == "daily-1"
    with pytest.raises(InputError, match="first champion"):
        roll_back(root, "ann", "worse")


def test_nobody_speaks_of_falls_before_a_first_model(home):
    found = load_fall_models(home.warehouse.home, home.warehouse, 1)
    assert (found.champion, found.shadow) == (None, None)


def test_an_unproven_model_is_loaded_as_shadow_alone(home, files):
    keep(home, "falls-1", files)
    put_in_shadow(home, "falls-1", "undecided", FALLS)
    found = load_fall_models(home.warehouse.home, home.warehouse, 1)
    assert found.champion is None
    assert found.shadow.model_version == "falls-1"
    assert found.shadow.model.to_files() == files
    said = found.shadow.model.speak(MADE.features.tail(5))
    assert isinstance(said, pd.DataFrame)
    assert said["probability"].between(0, 1).all()


def test_a_broken_model_says_why_it_cannot_be_asked(home, files):
    keep(home, "falls-1", {**files, "falls.json": b"{}"})
    put_in_shadow(home, "falls-1", "promoted", FALLS)
    put_in_shadow(home, "falls-2", "promoted", FALLS)
    promote_challenger(home.warehouse.home, "ann", "never stored", anyway=True, model="selloffs")
    put_in_shadow(home, "falls-1", "promoted", FALLS)
    found = load_fall_models(home.warehouse.home, home.warehouse, 1)
    assert found.champion.model is None
    assert "falls-2" in found.champion.fault
    assert found.shadow.model is None
    assert "KeyError" in found.shadow.fault


def test_the_daily_update_watches_falls_and_fits_nothing():
    chosen = {key.to_user_string() for key in DAILY_FALLS.resolve(all_assets())}
    assert "selloffs/drift" in chosen
    assert "selloffs/events" in chosen
    assert not chosen & {f"selloffs/{name}" for name in ("scores", "model", "verdicts", "metrics")}
