"""A model in service that cannot be asked today is left out, and never stops its replacement."""

import logging
from types import SimpleNamespace

import pytest

from trading_pipeline.assets import incumbents, service
from trading_pipeline.contracts.errors import InputError


@pytest.fixture
def run(monkeypatch):
    """Return a run whose one champion reads the features a and b."""
    held = {"champion": "v1", "shadow": None}
    monkeypatch.setattr(service, "roles", lambda *_: held)
    monkeypatch.setattr(incumbents, "roles", lambda *_: held)
    monkeypatch.setattr(service, "model_fault", lambda *_: "")
    monkeypatch.setattr(service, "recipe_features", lambda *_: ["a", "b"])
    return SimpleNamespace(
        config=SimpleNamespace(features=None),
        feature_module=lambda: None,
        load_model=lambda _: {},
        log=logging.getLogger(__name__),
    )


def computing(monkeypatch, *names):
    registry = [SimpleNamespace(name=name) for name in names]
    monkeypatch.setattr(service, "feature_registry", lambda *_: registry)


def test_a_model_whose_features_are_computed_is_used(run, monkeypatch):
    computing(monkeypatch, "a", "b", "c")
    assert service.usable(run, "v1") == "v1"
    assert service.in_service(run) == {"champion": "v1", "shadow": "nobody"}


def test_a_model_that_needs_a_feature_the_settings_dropped_is_left_out_and_named(
    run, monkeypatch, caplog
):
    computing(monkeypatch, "a", "c")
    assert service.usable(run, "v1") is None
    assert "v1 is left out: it needs features that the settings do not compute: b" in caplog.text
    assert service.in_service(run)["champion"] == "v1 lacks b"


def test_a_champion_with_broken_files_gives_no_parameters_and_stops_no_search(run):
    def broken(_version):
        raise InputError("lightgbm.txt differs from its manifest")

    run.load_model = broken
    assert incumbents.champion_in_service(run) is None
    assert service.in_service(run)["champion"] == "v1, broken"
