"""Settings come from five places in one order; what is wrong is refused by its name."""

import pytest

from trading_pipeline.adapters.config_store import ConfigStore, config_version
from trading_pipeline.contracts.errors import InputError
from trading_pipeline.settings import default_home, load_settings


@pytest.fixture
def user_file(tmp_path):
    def write(text):
        path = tmp_path / "user.toml"
        path.write_text(text)
        return path

    return write


def refused(**given):
    with pytest.raises(InputError) as caught:
        load_settings(**{"environment": {}, **given})
    return str(caught.value)


def test_each_place_wins_over_the_one_before(user_file):
    def trials(profile="full", file=None, environment=None, flags=None):
        settings = load_settings(
            config_file=file, flags={"profile": profile, **(flags or {})},
            environment=environment or {},
        )  # fmt: skip
        return settings.sweeps.n_trials

    file = user_file("[sweeps]\nn_trials = 21\n")
    named = {"TRADING_PIPELINE_SWEEPS__N_TRIALS": "22"}
    assert trials("full") == 10
    assert trials("quick") == 3
    assert trials("quick", file) == 21
    assert trials("quick", file, named) == 22
    assert trials("quick", file, named, {"sweeps": {"n_trials": 23}}) == 23


def test_a_place_changes_only_what_it_names(user_file):
    before = load_settings(environment={})
    after = load_settings(config_file=user_file("[gate]\nmin_auc = 0.61\n"), environment={})
    changed = before.model_copy(update={"gate": before.gate.model_copy(update={"min_auc": 0.61})})
    assert after == changed


def test_the_last_place_that_names_a_profile_decides_it(user_file):
    file = user_file('profile = "full"\n')
    assert load_settings(config_file=file, environment={}).sweeps.n_trials == 10
    quick = {"TRADING_PIPELINE_PROFILE": "quick"}
    assert load_settings(config_file=file, environment=quick).sweeps.n_trials == 3


def test_the_environment_names_lists_numbers_and_texts():
    settings = load_settings(
        environment={
            "TRADING_PIPELINE_SWEEPS__LEARNERS": '["xgboost"]',
            "TRADING_PIPELINE_SOURCE__START": "2010-01-04",
            "TRADING_PIPELINE_TRACKING__ENABLED": "false",
            "TRADING_PIPELINE_SOURCE__SIMULATION__SEED": "11",
            "TRADING_PIPELINE_HOME": "/somewhere",
            "OTHER_SWEEPS__N_TRIALS": "99",
        }
    )
    assert settings.sweeps.learners == ("xgboost",)
    assert settings.source.start.isoformat() == "2010-01-04"
    assert settings.tracking.enabled is False
    assert settings.source.simulation.seed == 11


def test_the_environment_may_name_the_user_file_and_the_home(user_file, monkeypatch, tmp_path):
    file = user_file("[sweeps]\nn_trials = 17\n")
    settings = load_settings(environment={"TRADING_PIPELINE_CONFIG": str(file)})
    assert settings.sweeps.n_trials == 17
    monkeypatch.setenv("TRADING_PIPELINE_HOME", str(tmp_path / "elsewhere"))
    assert default_home() == (tmp_path / "elsewhere").resolve()


def test_an_unknown_key_is_refused_by_its_place(user_file):
    assert "'sweeps.n_trails'" in refused(config_file=user_file("[sweeps]\nn_trails = 4\n"))
    assert "'swoops'" in refused(flags={"swoops": {"n_trials": 4}})
    variable = {"TRADING_PIPELINE_GATE__MIN_AUK": "0.7"}
    assert "'gate.min_auk'" in refused(environment=variable)
    text = "[[memory.events]]\nevent = 'x'\nfirst_date = 2001-01-02\nlast_date = 2001-01-03\n"
    text += "regime = 'crash'\nweight = 0.1\ncolour = 'red'\n"
    assert "'memory.events.0.colour'" in refused(config_file=user_file(text))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("gate.min_auc", 1.5),
        ("sweeps.n_trials", 0),
        ("splits.n_folds", 1),
        ("backtest.quantile_frac", 0.6),
        ("regimes.crash_drop_frac", 0.1),
        ("labels.target", "future"),
        ("sweeps.learners", ["oracle"]),
        ("runtime.memory_gb", -1),
        ("runtime.device", "abacus"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_place(place, value):
    section, field = place.split(".")
    assert place in refused(flags={section: {field: value}})


def test_a_span_that_runs_backwards_and_overlapping_events_are_refused(user_file):
    said = refused(flags={"source": {"start": "2010-01-05", "end": "2010-01-04"}})
    assert "end 2010-01-04 lies before start 2010-01-05" in said
    event = "[[memory.events]]\nevent = '{}'\nfirst_date = 2001-01-0{}\nlast_date = 2001-01-09\n"
    event += "regime = 'crash'\nweight = 0.1\n"
    assert "overlap" in refused(config_file=user_file(event.format("a", 2) + event.format("b", 3)))


@pytest.mark.parametrize("text", ["[sweeps\n", "\x80"])
def test_an_unreadable_file_and_a_missing_one_are_refused(text, tmp_path):
    path = tmp_path / "user.toml"
    assert "does not exist" in refused(config_file=path)
    path.write_bytes(text.encode("latin-1"))
    assert f"{path} cannot be read" in refused(config_file=path)


def test_an_unknown_profile_is_refused():
    assert "'huge' is unknown; give quick or full" in refused(flags={"profile": "huge"})


def test_equal_settings_have_one_version_and_any_change_has_another():
    base = load_settings(environment={})
    assert config_version(base) == config_version(load_settings(environment={}))
    versions = {
        config_version(load_settings(environment={}, flags=flags))
        for flags in ({}, {"profile": "full"}, {"gate": {"seed": 8}}, {"source": {"data": "x"}})
    }
    assert len(versions) == 4


def test_stored_settings_come_back_as_they_were(tmp_path):
    store = ConfigStore(tmp_path)
    old = store.save(load_settings(environment={}))
    new = store.save(load_settings(environment={}, flags={"profile": "full"}))
    assert store.load() == new
    assert store.load(old.version) == old
    with pytest.raises(InputError, match=f"known versions: .*{old.version}"):
        store.load("0" * 16)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rungs", {"rungs": []}),
        ("rungs", {"rungs": [0.0, 0.02]}),
        ("learners", {"model": {"learners": []}}),
        ("hold_bucket_minutes", {"trade": {"hold_bucket_minutes": []}}),
    ],
)
def test_settings_of_falls_that_leave_nothing_to_find_or_fit_are_refused(name, settings):
    assert name in refused(flags={"selloffs": settings})
